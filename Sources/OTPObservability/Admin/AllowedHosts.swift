import NIOCore
package import NIOHTTP1

/// Whom a request may call this server: an address, `localhost`, where it listens, and the names it was told.
///
/// A page of a stranger's site can have its own name lead to this machine, and would then read what is served here as if it
/// were its own; the browser tells by `Host` which name it followed. An address cannot be made to lead elsewhere.
package struct AllowedHosts: Sendable {
    private let names: Set<String>

    package init(_ names: [String]) {
        self.names = Set((names + ["localhost"]).map(Self.plain))
    }

    /// Without a `Host`, as HTTP/1.0 allows it, no browser asks.
    package func accept(_ headers: HTTPHeaders) -> Bool {
        let hosts = headers["host"]
        guard let host = hosts.first else { return true }
        guard hosts.count == 1 else { return false }
        let name = Self.name(in: host)
        return names.contains(Self.plain(name)) || (try? SocketAddress(ipAddress: name, port: 0)) != nil
    }

    /// Without its port, and an IPv6 address without its brackets.
    private static func name(in host: String) -> String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            return String(host[..<end].dropFirst())
        }
        return String(host.prefix { $0 != ":" })
    }

    private static func plain(_ name: String) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
