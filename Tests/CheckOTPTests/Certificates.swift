import Foundation
import NIOSSL

/// Certificates for the TLS tests, made new for each run with the `openssl` command in a temporary folder.
struct Certificates: Sendable {
    /// Nil if there is no `openssl` to make them with.
    static let made = try? Certificates()

    /// A name that a certificate is made for, and who signs it.
    enum Leaf: String, CaseIterable {
        case localhost, address, otherName, selfSigned, client
        /// Named `localhost` in its subject alone.
        case commonName
        /// An address as if it were a name.
        case namedAddress
        /// Of the two labels of `paynet.example` and one before them, or less than that.
        case wildcard, partialWildcard, topWildcard, bareWildcard
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
            let name: String? =
                switch leaf {
                case .localhost, .selfSigned, .client: "DNS:localhost"
                case .address: "IP:127.0.0.1"
                case .otherName: "DNS:other.example"
                case .commonName: nil
                case .namedAddress: "DNS:127.0.0.1"
                case .wildcard: "DNS:*.paynet.example"
                case .partialWildcard: "DNS:a*.paynet.example"
                case .topWildcard: "DNS:*.example"
                case .bareWildcard: "DNS:*"
                }
            let signer = leaf == .selfSigned ? [] : ["-CA", "ca.pem", "-CAkey", "ca.key"]
            try openssl(
                ["req", "-x509"] + newKey + signer + [
                    "-subj", "/CN=\(leaf == .commonName ? "localhost" : leaf.rawValue)",
                    "-addext", "basicConstraints=CA:FALSE", "-keyout", "\(leaf).key", "-out", "\(leaf).pem",
                ] + (name.map { ["-addext", "subjectAltName=\($0)"] } ?? [])
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

    func certificate(_ leaf: Leaf) -> String { folder.appendingPathComponent("\(leaf).pem").path }

    func key(_ leaf: Leaf) -> String { folder.appendingPathComponent("\(leaf).key").path }

    /// A server's TLS settings with that certificate; with `asksClient` it takes nobody without a certificate of ours, with
    /// `withAuthority` it sends its signer's too.
    func server(
        _ leaf: Leaf,
        from minimum: TLSVersion = .tlsv12,
        to maximum: TLSVersion? = nil,
        asksClient: Bool = false,
        withAuthority: Bool = false
    ) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try ([certificate(leaf)] + (withAuthority ? [authority] : []))
                .flatMap { try NIOSSLCertificate.fromPEMFile($0) }.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key(leaf), format: .pem))
        )
        if asksClient {
            tls.certificateVerification = .noHostnameVerification
            tls.trustRoots = .file(authority)
        }
        tls.minimumTLSVersion = minimum
        tls.maximumTLSVersion = maximum
        return try NIOSSLContext(configuration: tls)
    }
}
