/// Where the monitor listens and who may look there, judged before anything is opened.
package struct Listening: Equatable, Sendable {
    /// Why it must not listen so.
    package enum Fault: Error, Equatable, CustomStringConvertible {
        case openToAll(host: String)
        case halfTLS

        package var description: String {
            switch self {
            case .openToAll(let host):
                "\(host) can be reached from other machines, and nobody would be asked who they are"
            case .halfTLS: "TLS needs a certificate and its key, each in a file"
            }
        }
    }

    package var host: String
    package var port: Int
    package var certificateFile: String?
    package var keyFile: String?

    /// What a person should know of it; nil when nothing.
    package private(set) var warning: String?

    package init(
        host: String,
        port: Int,
        hasCredentials: Bool,
        certificateFile: String? = nil,
        keyFile: String? = nil
    ) throws(Fault) {
        let isLoopback = Self.isLoopback(host)
        guard isLoopback || hasCredentials else { throw .openToAll(host: host) }
        guard (certificateFile == nil) == (keyFile == nil) else { throw .halfTLS }
        self.host = host
        self.port = port
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        if !isLoopback, certificateFile == nil {
            warning =
                "without TLS, tokens and passwords travel in clear: keep what lies between on a network of your own"
        }
    }

    /// `localhost` and the addresses of 127.0.0.0/8 and ::1; a name may lead anywhere.
    package static func isLoopback(_ host: String) -> Bool {
        if host.lowercased() == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
