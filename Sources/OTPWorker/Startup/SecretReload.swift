import CheckOTP
import Dispatch
import Logging
import NIOCore
import OTPContract
import OTPEngine
import OTPObservability

/// Reads the upstream's key from its file again, when told to or while the upstream refuses the one in use.
///
/// The ledger's fingerprints stay keyed by the key of the start: a code is the same code under either. It never shows a key.
///
/// Confined to the client's loop.
final class SecretReload {
    /// From one look at the file to the next while the key is refused.
    private static let pause = Duration.seconds(1)

    /// Another key is in use now.
    var onReplaced: () -> Void = {}
    private let file: String?
    private let client: CheckClient
    private let eventLoop: any EventLoop
    private let logger: Logger
    private var current: Secret
    private var isReading = false
    private var next: Instant?

    init(_ current: Secret, file: String?, client: CheckClient, eventLoop: any EventLoop, logger: Logger) {
        self.current = current
        self.file = file
        self.client = client
        self.eventLoop = eventLoop
        self.logger = logger
    }

    /// The upstream does not take the key: may be said as often as one likes.
    func refused(at now: Instant) {
        guard let file, now >= next ?? now else { return }
        next = now + Self.pause
        read(file, isAsked: false)
    }

    /// Somebody asked for it.
    func asked() {
        guard let file else {
            return logger.log(.keyFromEnvironment)
        }
        read(file, isAsked: true)
    }

    private func read(_ file: String, isAsked: Bool) {
        guard !isReading else { return }
        isReading = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let read = eventLoop.makePromise(of: Secret.self)
        DispatchQueue.global().async { read.completeWith(Result { try SecretFile.read(file) }) }
        read.futureResult.whenComplete { bound.value.apply($0, isAsked: isAsked) }
    }

    private func apply(_ result: Result<Secret, any Error>, isAsked: Bool) {
        isReading = false
        do {
            let secret = try result.get()
            guard secret != current else {
                if isAsked { logger.log(.keyUnchanged) }
                return
            }
            try client.replaceSecret(secret)
            current = secret
            logger.log(.keyReplaced)
            if secret.isShort {
                logger.log(
                    .shortKeyRead,
                    [
                        "setting": "check_otp.secret_key_file",
                        "shortest": .stringConvertible(Fingerprinter.shortestKey),
                        "remedy": "put the key there exactly as issued, or set ledger.secret_file",
                    ]
                )
            }
            onReplaced()
        } catch let fault as Setting.Fault {
            logger.log(.keyFileUnusable, ["cause": "\(fault.what)"])
        } catch {
            logger.log(.keyFileUnusable, ["cause": "\(error)"])
        }
    }
}
