import Foundation
import OTPKafka
import Testing

/// The broker that tests of the wire run against: the cluster that `OTP_TEST_KAFKA` names, else a noida-db started once
/// for the whole run, which ends with it.
enum WireBroker {
    static let missing: Comment = "neither OTP_TEST_KAFKA=host:port is set nor noida-db installed"
    static let notACluster: Comment = "needs a real cluster: set OTP_TEST_KAFKA=host:port"

    /// A real cluster: it fences by generation, times transactions out and evicts dead members.
    static let isCluster = cluster != nil
    static let isAvailable = isCluster || noidaPath != nil

    /// Where the broker listens; it answers already.
    static func common(_ passThrough: [String: String] = [:]) throws -> ClientProperties.Common {
        ClientProperties.Common(bootstrapServers: try running.get(), passThrough: passThrough)
    }

    private static let cluster = ProcessInfo.processInfo.environment["OTP_TEST_KAFKA"]

    private static let noidaPath = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .map { "\($0)/noida-db" }.first { FileManager.default.isExecutableFile(atPath: $0) }

    private static let running = Result { try cluster ?? start() }

    private static func start() throws -> String {
        let port = try freePort()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kafka-tests-\(UUID().uuidString)")
            .path
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/bash")
        // The shell outlives this process, however that ends, just long enough to end the broker.
        shell.arguments = [
            "-c",
            """
            set -m
            "$1" start --only kafka --kafka-port "$2" --data-dir "$3" &
            tail --pid="$4" -f /dev/null
            kill -KILL -- -$!
            wait
            rm -rf "$3"
            """,
            "bash", noidaPath ?? "", "\(port)", folder, "\(ProcessInfo.processInfo.processIdentifier)",
        ]
        shell.standardInput = FileHandle.nullDevice
        shell.standardOutput = FileHandle.nullDevice
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        let address = "127.0.0.1:\(port)"
        let admin = try Admin(ClientProperties.Common(bootstrapServers: address))
        _ = try admin.brokers(timeout: .seconds(30))
        _ = admin.close(timeout: .seconds(5))
        return address
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw CocoaError(.fileReadUnknown) }
        return UInt16(bigEndian: address.sin_port)
    }
}
