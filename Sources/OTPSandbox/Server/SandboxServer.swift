import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A fake Paynet on a socket: `check_otp` and `send_otp` as documented, over HTTP or HTTPS, with faults and a journal.
///
/// It runs on its own event loops, shares no code with the client that it tests, and keeps nothing after ``stop()``.
package final class SandboxServer: Sendable {
    /// The port that it listens on.
    package let port: Int
    /// The origin, without a path: `http://127.0.0.1:1234`.
    package let url: String
    /// The file that holds the authority's certificate (PEM), if the configuration names one and TLS is on.
    package let caFile: String?
    /// The authority's certificate (PEM); nil without TLS.
    package let caPEM: String?

    private let core: SandboxCore
    private let group: MultiThreadedEventLoopGroup

    private init(
        core: SandboxCore,
        group: MultiThreadedEventLoopGroup,
        configuration: SandboxConfiguration,
        port: Int,
        caPEM: String?
    ) {
        self.core = core
        self.group = group
        self.port = port
        self.caPEM = caPEM
        caFile = caPEM == nil ? nil : configuration.caFile
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        url = "\(configuration.tls ? "https" : "http")://\(host):\(port)"
    }

    /// Starts a server, and returns once it listens.
    ///
    /// - Throws: ``SandboxError`` for a file that cannot be written, or NIO's error when the port cannot be had.
    package static func start(
        _ configuration: SandboxConfiguration = SandboxConfiguration()
    ) async throws
        -> SandboxServer
    {
        let core = try SandboxCore(configuration)
        var certificates: TestCertificates?
        if configuration.tls {
            let made = try TestCertificates.make(
                names: configuration.certificateNames,
                expired: configuration.certificateExpired
            )
            if let path = configuration.caFile {
                try write(made.authorityPEM, to: path)
            }
            certificates = made
        }
        let tls = try certificates.map { try sslContext($0, versions: configuration.tlsVersions) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.threads))
        do {
            let channel = try await bootstrap(group, core, tls)
                .bind(host: configuration.host, port: configuration.port).get()
            return SandboxServer(
                core: core,
                group: group,
                configuration: configuration,
                port: channel.localAddress?.port ?? 0,
                caPEM: certificates?.authorityPEM
            )
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// The journal in memory, oldest first: at most the configuration's `journalCapacity` newest calls.
    package func calls() -> [JournalEntry] {
        core.calls()
    }

    /// The code that the user of `session` was sent; nil when there is no such session.
    package func code(of session: String) -> String? {
        core.code(of: session)
    }

    /// Replaces the configured script; its first phase begins with the next call.
    package func setScript(_ script: SandboxScript) {
        core.setScript(script)
    }

    /// Forgets sessions, calls and counts; the configured script begins again.
    package func reset() {
        core.reset()
    }

    /// Closes every connection and the port, and completes the journal file.
    ///
    /// Calling it again is harmless.
    package func stop() async {
        try? await group.shutdownGracefully()
        core.flushJournal()
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw SandboxError.file(path: path, cause: "\(error)")
        }
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup,
        _ core: SandboxCore,
        _ tls: NIOSSLContext?
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            // Not the four that NIO takes: a burst of new clients would wait for one turn of a busy loop after the other.
            .serverChannelOption(.maxMessagesPerRead, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    let cutter = ConnectionCutter()
                    try pipeline.addHandler(cutter)
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
                    try pipeline.addHandler(ConnectionHandler(core: core, cutter: cutter))
                }
            }
    }

    private static func sslContext(
        _ certificates: TestCertificates,
        versions: ClosedRange<SandboxTLSVersion>
    ) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificates.serverPEM.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(certificates.serverKeyPEM.utf8), format: .pem)
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        settings.minimumTLSVersion = versions.lowerBound.version
        settings.maximumTLSVersion = versions.upperBound.version
        return try NIOSSLContext(configuration: settings)
    }
}

extension SandboxTLSVersion {
    fileprivate var version: TLSVersion {
        switch self {
        case .v11: .tlsv11
        case .v12: .tlsv12
        case .v13: .tlsv13
        }
    }
}
