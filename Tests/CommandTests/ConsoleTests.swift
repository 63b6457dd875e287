import Foundation
import Testing
import otp_worker

/// Output reaches its reader whole, or its writer hears why not.
struct ConsoleTests {
    /// A pipe whose writing end does not block, as a parent process may hand it down.
    private final class Pipe {
        let reading: Int32
        let writing: Int32

        init() {
            var ends: [Int32] = [0, 0]
            precondition(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
            _ = fcntl(writing, F_SETFL, O_NONBLOCK)
        }

        deinit { close(reading) }
    }

    @Test func aReaderThatIsSlowerThanANonBlockingPipeGetsAll() async {
        let pipe = Pipe()
        let text = [UInt8]((0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        // It begins to read only once the pipe is full: the writer has met EAGAIN by then.
        let (reading, writing) = (pipe.reading, pipe.writing)
        async let written = Self.blocking { () -> Int32? in
            defer { close(writing) }
            return Console.write(text, to: writing)
        }
        let read = await Self.blocking { () -> [UInt8] in
            var filled = pollfd(fd: writing, events: Int16(POLLOUT), revents: 0)
            while poll(&filled, 1, 0) > 0, filled.revents & Int16(POLLOUT) != 0 {}
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = Foundation.read(reading, &buffer, buffer.count), count > 0 {
                bytes += buffer[..<count]
            }
            return bytes
        }
        #expect(read == text)
        #expect(await written == nil)
    }

    @Test func anyOtherErrorIsTheCallers() {
        signal(SIGPIPE, SIG_IGN)
        var pipe: Pipe? = Pipe()
        let writing = pipe?.writing ?? -1
        pipe = nil
        #expect(Console.write([1], to: writing) == EPIPE)
        close(writing)
        // No number that was closed: another test may have been given that one.
        #expect(Console.write([1], to: .max) == EBADF)
    }

    private static func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }
}

/// One press of Ctrl-C is one, however often it arrives.
struct StopSignalsTests {
    @Test func whatFollowsTheFirstAtOnceIsTheSame() {
        var signals = StopSignals()
        let first = ContinuousClock.now
        #expect(signals.received(at: first) == .drain)
        #expect(signals.received(at: first + .milliseconds(3)) == .same)
        #expect(signals.received(at: first + .milliseconds(500)) == .same)
        #expect(signals.received(at: first + .milliseconds(501)) == .stopAtOnce)
    }
}
