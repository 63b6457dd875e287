import Foundation
import NIOSSL

/// Certificates for the TLS tests, made afresh with the `openssl` command in a temporary folder.
struct Certificates: Sendable {
    /// Nil if there is no `openssl` to make them with.
    static let made = try? Certificates()

    /// A name that a certificate is made for, and who signs it.
    enum Leaf: String, CaseIterable {
        case localhost, address, otherName, selfSigned
    }

    private let folder: URL

    var authority: String { folder.appendingPathComponent("ca.pem").path }

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("check-otp-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        atexit {
            if let made = Certificates.made { try? FileManager.default.removeItem(at: made.folder) }
        }
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
        try openssl(
            ["req", "-x509"] + newKey + ["-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem"]
        )
        for leaf in Leaf.allCases {
            let name =
                switch leaf {
                case .localhost, .selfSigned: "DNS:localhost"
                case .address: "IP:127.0.0.1"
                case .otherName: "DNS:other.example"
                }
            let signer = leaf == .selfSigned ? [] : ["-CA", "ca.pem", "-CAkey", "ca.key"]
            try openssl(
                ["req", "-x509"] + newKey + signer + [
                    "-subj", "/CN=\(leaf)", "-addext", "subjectAltName=\(name)", "-addext", "basicConstraints=CA:FALSE",
                    "-keyout", "\(leaf).key", "-out", "\(leaf).pem",
                ]
            )
        }
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = folder
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.featureUnsupported) }
    }

    /// A server's TLS settings with that certificate.
    func server(_ leaf: Leaf, from minimum: TLSVersion = .tlsv12, to maximum: TLSVersion? = nil) throws -> NIOSSLContext
    {
        let file = { (ending: String) in folder.appendingPathComponent("\(leaf).\(ending)").path }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(file("pem")).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: file("key"), format: .pem))
        )
        tls.minimumTLSVersion = minimum
        tls.maximumTLSVersion = maximum
        return try NIOSSLContext(configuration: tls)
    }
}
