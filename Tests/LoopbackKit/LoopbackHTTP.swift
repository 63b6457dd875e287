import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A plain HTTP/1.1 client over a blocking socket on loopback: it shares no code with the server that it tests.
///
/// It works on a thread of its own, because a blocked test would keep a thread from the server.
package enum LoopbackHTTP {
    package struct Answer: Sendable {
        package var status: Int
        package var headers: String
        package var body: String
    }

    package struct Failure: Error {
        package var call: String
        package var code: Int32
    }

    package static func get(_ path: String, port: Int, headers: String = "") async throws -> Answer {
        let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(headers)\r\n"
        let text = try await exchange(request, port: port)
        guard let end = text.firstRange(of: "\r\n\r\n") else { throw Failure(call: "read", code: 0) }
        let head = String(text[..<end.lowerBound])
        let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
        return Answer(status: status, headers: head.lowercased(), body: String(text[end.upperBound...]))
    }

    /// Sends `request` and reads until the server closes the connection.
    package static func exchange(_ request: String, port: Int) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread {
                continuation.resume(with: Result { try exchangeBlocking(request, port: port) })
            }.start()
        }
    }

    private static func exchangeBlocking(_ request: String, port: Int) throws -> String {
        let descriptor = try connected(port: port)
        defer { _ = close(descriptor) }
        guard write(descriptor, Array(request.utf8)) else { throw Failure(call: "send", code: errno) }
        return try receiveBlocking(descriptor) { _ in false }
    }

    /// A connection that a test keeps.
    package final class Held: Sendable {
        private let descriptor: Int32

        package init(port: Int, sending bytes: String) throws {
            descriptor = try LoopbackHTTP.connected(port: port)
            send(bytes)
        }

        package func send(_ text: String) {
            let bytes = Array(text.utf8)
            _ = LoopbackHTTP.write(descriptor, bytes)
        }

        /// Reads until what came ends with `end`, or is enough, or the server closes.
        package func receive(
            until end: String,
            orWhen isEnough: @escaping @Sendable (String) -> Bool = { _ in false }
        ) async throws -> String {
            try await withCheckedThrowingContinuation { continuation in
                Thread { [descriptor] in
                    continuation.resume(
                        with: Result {
                            try LoopbackHTTP.receiveBlocking(descriptor) {
                                $0.suffix(end.utf8.count).elementsEqual(end.utf8)
                                    || isEnough(String(decoding: $0, as: UTF8.self))
                            }
                        }
                    )
                }.start()
            }
        }

        package func end() {
            _ = close(descriptor)
        }
    }

    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    private static func receiveBlocking(_ descriptor: Int32, until isEnough: ([UInt8]) -> Bool) throws -> String {
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while !isEnough(answer) {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count >= 0 else { throw Failure(call: "recv", code: errno) }
            guard count > 0 else { break }
            answer += chunk[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    private static func connected(port: Int) throws -> Int32 {
        #if os(Linux)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { throw Failure(call: "socket", code: errno) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw Failure(call: "connect", code: code)
        }
        return descriptor
    }
}
