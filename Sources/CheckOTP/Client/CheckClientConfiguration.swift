package import NIOSSL

/// Everything a ``CheckClient`` can be told.
///
/// A value without behaviour of its own; the secret is not part of it.
package struct CheckClientConfiguration: Sendable {
    /// How the secret key becomes the `Authorization` header.
    package enum Authentication: String, Sendable, CaseIterable {
        /// `Basic <key>`, the key exactly as issued: what the provider documents.
        case secretKey
        /// `Basic base64("<key>:")`: what some accounts' integrations send.
        case basicPair
    }

    package var origin: Origin
    package var authentication = Authentication.secretKey
    /// Connections that may be open at once, those being made included.
    package var maximumConnections = 512
    /// Resolving, connecting and the TLS handshake together.
    package var connectTimeout = Duration.seconds(3)
    /// How long an unused connection is kept.
    ///
    /// It must be shorter than the upstream's own limit: a request that crosses the server's close ends `unknown`.
    package var idleTimeout = Duration.seconds(30)
    /// No connection is used for longer, so that a change of address in DNS is followed.
    ///
    /// Each connection draws its own age between 80 and 100 % of it.
    package var maximumAge = Duration.seconds(300)
    /// Whether a connection carries one call after another, or one only.
    ///
    /// In HTTP/1.1 nothing ties an answer to its request but their order: an answer that an upstream sends late and twice, just when
    /// the next request leaves, is taken for the next one's. Without reuse it cannot be.
    package var reusesConnections = true
    /// The largest answer that is read, head and body together, in bytes.
    package var maximumResponseBytes = 64 * 1024
    /// A PEM file with certificate authorities that are trusted besides the system's.
    package var extraCAFile: String?
    /// A client certificate and its key, for an upstream that asks for one; both or neither.
    package var clientIdentity: ClientIdentity?
    /// An `http` proxy that tunnels (`CONNECT`) to an `https` origin, for an egress address that the upstream knows.
    package var proxy: Origin?
    /// Finds the addresses of a name; it may block.
    var lookUp = NameLookup.system
    /// Seconds since 1970, for a `Retry-After` date in an answer that has no `Date` of its own.
    package var wallClock: @Sendable () -> Int64

    /// PEM files: the certificate with the chain behind it, and its private key without a passphrase.
    package struct ClientIdentity: Equatable, Sendable {
        package var certificateFile: String
        package var keyFile: String

        package init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    package init(origin: Origin, wallClock: @escaping @Sendable () -> Int64) {
        self.origin = origin
        self.wallClock = wallClock
    }

    /// The TLS settings as a context that the clients of every loop share; nil for an `http` origin.
    ///
    /// TLS 1.2 is the floor and 1.3 is taken where offered. The chain and the name are always verified; there is no setting
    /// to turn that off.
    /// - Throws: ``CheckClientError/unusableCAFile(_:)``, ``CheckClientError/unusableClientIdentity(_:)``, or what the TLS library
    ///   says about its own set-up.
    package func makeTLSContext() throws -> NIOSSLContext? {
        guard origin.isTLS else { return nil }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = .fullVerification
        tls.applicationProtocols = ["http/1.1"]
        if let extraCAFile {
            do {
                guard try !NIOSSLCertificate.fromPEMFile(extraCAFile).isEmpty else {
                    throw CheckClientError.unusableCAFile(extraCAFile)
                }
            } catch {
                throw CheckClientError.unusableCAFile(extraCAFile)
            }
            tls.additionalTrustRoots = [.file(extraCAFile)]
        }
        guard let clientIdentity else { return try NIOSSLContext(configuration: tls) }
        try Self.show(clientIdentity, in: &tls)
        do {
            return try NIOSSLContext(configuration: tls)
        } catch {
            // The key is not the certificate's.
            throw CheckClientError.unusableClientIdentity(clientIdentity.keyFile)
        }
    }

    private static func show(_ identity: ClientIdentity, in tls: inout TLSConfiguration) throws(CheckClientError) {
        guard let chain = try? NIOSSLCertificate.fromPEMFile(identity.certificateFile), !chain.isEmpty else {
            throw .unusableClientIdentity(identity.certificateFile)
        }
        // What the TLS library says of a key file is not repeated: it may quote it.
        guard let key = try? NIOSSLPrivateKey(file: identity.keyFile, format: .pem) else {
            throw .unusableClientIdentity(identity.keyFile)
        }
        tls.certificateChain = chain.map { .certificate($0) }
        tls.privateKey = .privateKey(key)
    }
}

/// Why a client cannot be made from its settings.
package enum CheckClientError: Error, Equatable, CustomStringConvertible {
    /// The file cannot be read or holds no PEM certificate.
    case unusableCAFile(String)
    /// The file cannot be read or does not hold what it should, in PEM.
    case unusableClientIdentity(String)
    /// The secret key is empty or has a character that no header may carry.
    case unusableSecret
    /// An `https` origin was given no TLS context.
    case missingTLSContext
    /// A proxy is only ever asked for a tunnel: it must be `http`, and the origin `https` with a name to verify.
    case unusableProxy

    package var description: String {
        switch self {
        case .unusableCAFile(let path): "\(path) cannot be read or holds no PEM certificate"
        case .unusableClientIdentity(let path):
            "\(path) cannot be read, or is not a PEM certificate or its key in PEM without a passphrase"
        case .unusableSecret: "the secret key is empty or holds a character that a header cannot carry"
        case .missingTLSContext: "an https origin needs a TLS context"
        case .unusableProxy: "a proxy must be http:// and needs an https:// origin with a name"
        }
    }
}
