/// Judges what the worker needs of the machine that it runs on.
package enum HostChecks {
    /// Judges this process's limit of open files against the connections that it may open to the upstream.
    package static func openFiles(_ limit: UInt64, connections: Int) -> Diagnosis {
        // Besides: the brokers' connections of four clients, the probes' server, logs.
        let need = UInt64(connections) + 128
        guard limit < need else { return .ok("host.open_files", "\(limit) files may be open") }
        return .warning(
            "host.open_files",
            "only \(limit) files may be open, and \(connections) connections to the upstream are allowed",
            remedy: "raise it to \(need) or more (ulimit -n, LimitNOFILE), or lower check_otp.max_in_flight"
        )
    }

    /// Judges who may read the file that holds the key, by its permission bits.
    package static func keyFile(_ path: String, mode: UInt16) -> Diagnosis {
        guard mode & 0o007 != 0 else { return .ok("check_otp.secret_key_file", "\(path) is closed to others") }
        return .warning(
            "check_otp.secret_key_file",
            "every user of this machine may open \(path)",
            remedy: "chmod o-rwx \(path)"
        )
    }
}
