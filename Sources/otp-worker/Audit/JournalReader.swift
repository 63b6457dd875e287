import NIOCore
import NIOPosix
import OTPAudit
import OTPContract

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The calls of a sandbox's journal in its order: from its file, a piece at a time, or from the sandbox itself, which keeps the
/// newest million.
///
/// It reads up to the end at the moment of opening; a last line that is not complete is not read.
struct JournalReader {
    private static let piece = 1 << 20

    private let name: String
    /// Open as long as the process is.
    private let file: CInt?
    private var offset = 0
    private let size: Int
    private var bytes: [UInt8] = []
    private var next = 0
    private var line = 0

    /// Opens a path, or the sandbox's origin (`http://127.0.0.1:8085`).
    static func open(_ source: String) async throws -> JournalReader {
        if source.hasPrefix("http://") {
            return JournalReader(name: source, file: nil, size: 0, bytes: try await fetch(source))
        }
        let file = systemOpen(source, O_RDONLY | O_CLOEXEC)
        let size = file < 0 ? -1 : lseek(file, 0, SEEK_END)
        guard size >= 0 else { throw Failure("--journal: \(source) cannot be read", isConfiguration: true) }
        return JournalReader(name: source, file: file, size: Int(size), bytes: [])
    }

    private init(name: String, file: CInt?, size: Int, bytes: [UInt8]) {
        self.name = name
        self.file = file
        self.size = size
        self.bytes = bytes
    }

    /// The next call of `check_otp`; nil at the end.
    mutating func call() throws -> CallFact? {
        while let text = try nextLine() {
            line += 1
            do throws(JournalLine.Unreadable) {
                if let call = try JournalLine.parse(text) { return call }
            } catch {
                throw Failure(
                    "--journal: line \(line) of \(name) is no line of a sandbox's journal",
                    remedy: "give the file that `otp-worker sandbox --journal` writes, or the sandbox's origin",
                    isConfiguration: true
                )
            }
        }
        return nil
    }

    private mutating func nextLine() throws -> [UInt8]? {
        var searched = next
        while true {
            if let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { next = end + 1 }
                return Array(bytes[next..<end])
            }
            searched = bytes.count - next
            bytes.removeFirst(next)
            next = 0
            guard let file, offset < size else {
                try judgeRest()
                return nil
            }
            let count = min(size - offset, Self.piece)
            let start = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: count))
            let done = bytes[start...].withUnsafeMutableBytes { pread(file, $0.baseAddress, count, offset) }
            guard done > 0 else { throw Failure("--journal: \(name) cannot be read any more") }
            bytes.removeLast(count - done)
            offset += done
        }
    }

    /// What stands behind the last line feed is the beginning of a line, or the file was never a journal.
    private func judgeRest() throws {
        guard !JournalLine.mayBegin(bytes) else { return }
        throw Failure(
            "--journal: line \(line + 1) of \(name) is no line of a sandbox's journal",
            remedy: "give the file that `otp-worker sandbox --journal` writes, or the sandbox's origin",
            isConfiguration: true
        )
    }

    // MARK: Over HTTP

    private static func fetch(_ origin: String) async throws -> [UInt8] {
        let address = origin.dropFirst("http://".count).prefix { $0 != "/" }
        let parts = address.split(separator: ":", maxSplits: 1)
        guard let host = parts.first, let port = parts.count == 2 ? Int(parts[1]) : 80 else {
            throw Failure("--journal: \(origin) is no origin of a sandbox", isConfiguration: true)
        }
        let request = """
            GET /_sandbox/calls HTTP/1.1\r
            Host: \(address)\r
            Connection: close\r
            \r

            """
        let answer: [UInt8]
        do {
            answer = try await exchange(request, String(host), port)
        } catch {
            throw Failure(
                "--journal: no sandbox answers at \(origin)",
                remedy: "give its origin, or its journal's file"
            )
        }
        return try body(of: answer, from: origin)
    }

    private static func exchange(_ request: String, _ host: String, _ port: Int) async throws -> [UInt8] {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var answer: [UInt8] = []
            for try await part in inbound { answer.append(contentsOf: part.readableBytesView) }
            return answer
        }
    }

    /// The sandbox says how long its answers are, and never sends chunks.
    private static func body(of answer: [UInt8], from origin: String) throws -> [UInt8] {
        let end = Array("\r\n\r\n".utf8)
        guard answer.starts(with: "HTTP/1.1 200 ".utf8),
            let blank = answer.indices.first(where: { answer[$0...].starts(with: end) })
        else { throw Failure("--journal: what answers at \(origin) is no sandbox", isConfiguration: true) }
        return Array(answer[(blank + end.count)...])
    }
}

/// The system call, under a name that ``JournalReader``'s own `open` does not hide.
private func systemOpen(_ path: String, _ flags: CInt) -> CInt { open(path, flags) }
