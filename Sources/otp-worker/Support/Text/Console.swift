import OTPContract

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Standard output and standard error, a line at a time and unbuffered, so that a pipe sees each line when it is written.
///
/// Nothing that steers a terminal gets through but what is drawn on purpose. A reader that is slow is waited for, whatever
/// kind of pipe it reads from; where output cannot be written the process ends with exit code 1 and a word on standard error.
package enum Console {
    /// Writes text and a line feed to standard output; line feeds within it stay.
    static func write(_ text: String) {
        put(Array(text.visible(lines: true).utf8) + [UInt8(ascii: "\n")])
    }

    /// Writes a JSON text to standard output, on one line.
    static func write(json: [UInt8]) {
        put(visibleJSON(json) + [UInt8(ascii: "\n")])
    }

    /// Writes text and a line feed to standard error; line feeds within it stay.
    static func printError(_ text: String) {
        // Anyone who closed standard error wants to hear nothing.
        _ = write(Array(text.visible(lines: true).utf8) + [UInt8(ascii: "\n")], to: STDERR_FILENO)
    }

    /// Writes text to standard output as it is, control sequences included.
    static func draw(_ text: String) {
        put(Array(text.utf8))
    }

    /// Whether somebody reads standard output on a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Columns of the terminal that shows standard output; nil where there is none, or it does not say.
    static var columns: Int? { isTerminal ? windowSize?.columns : nil }

    /// Columns and lines of the terminal; nil where there is none, or it does not say.
    static var windowSize: (columns: Int, lines: Int)? {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Ends the process at once, without waiting for anything.
    static func exit(_ code: Int32) -> Never { _exit(code) }

    /// The host's name; empty when it cannot be told.
    static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Makes the standard descriptors fit for use, before anything else is opened.
    ///
    /// One that is closed is opened on `/dev/null`: else the next file or connection takes its number, and is written to. A pipe
    /// whose reader has gone is an error to tell, not a signal to die of.
    static func prepare() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The lowest number that is free is taken: this one, for those below it are open by now.
            _ = open("/dev/null", O_RDWR)
        }
        signal(SIGPIPE, SIG_IGN)
    }

    private static func put(_ bytes: [UInt8]) {
        guard let code = write(bytes, to: STDOUT_FILENO) else { return }
        printError("otp-worker: standard output cannot be written: \(String(cString: strerror(code)))")
        exit(1)
    }

    /// Writes all of it, waiting for as long as the reader takes.
    /// - Returns: the system's error code, after which part of it may have been written; nil when all of it was.
    package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                done += count
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                // Anyone who gave us the descriptor made it non-blocking.
                var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&room, 1, -1) >= 0 || errno == EINTR else { return errno }
            } else if errno != EINTR {
                return errno
            }
        }
        return nil
    }
}

/// The system call, under a name that ``Console``'s own `write` does not hide.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
