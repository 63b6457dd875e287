#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Standard output and standard error, a line at a time and unbuffered, so that a pipe sees each line when it is written.
package enum Console {
    /// Writes a line to standard output.
    static func write(_ line: String) {
        write(Array(line.utf8), to: STDOUT_FILENO)
    }

    /// Writes a line, as bytes, to standard output.
    static func write(_ line: [UInt8]) {
        write(line, to: STDOUT_FILENO)
    }

    /// Writes a line to standard error.
    static func complain(_ line: String) {
        write(Array(line.utf8), to: STDERR_FILENO)
    }

    /// Whether somebody reads standard output on a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Ends the process at once, without waiting for anything.
    static func exit(_ code: Int32) -> Never { _exit(code) }

    /// The host's name; empty when it cannot be told.
    static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The text with control characters made visible, so that what others wrote cannot steer the terminal.
    package static func printable(_ text: String) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            shown.append(scalar.properties.generalCategory == .control ? "·" : scalar)
        }
        return String(shown)
    }

    /// Writes text to standard output as it is, control sequences included.
    static func draw(_ text: String) {
        write(bytes: Array(text.utf8), to: STDOUT_FILENO)
    }

    private static func write(_ line: [UInt8], to descriptor: Int32) {
        write(bytes: line + [UInt8(ascii: "\n")], to: descriptor)
    }

    private static func write(bytes: [UInt8], to descriptor: Int32) {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                return
            }
        }
    }
}

/// The system call, under a name that ``Console``'s own `write` does not hide.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
