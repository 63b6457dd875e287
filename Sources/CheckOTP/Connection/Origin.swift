import NIOCore

/// Where `check_otp` lives: scheme, host, port and base path of the upstream, taken from a URL.
///
/// It accepts what a client can honour and nothing else: no user info (a secret in a URL ends up in a log), no query,
/// no fragment.
package struct Origin: Equatable, Sendable, CustomStringConvertible {
    package let isTLS: Bool
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    package let host: String
    package let port: Int
    /// Empty, or it begins with `/` and does not end with one.
    package let basePath: String

    /// Why a URL cannot be used; it never repeats the URL.
    package enum Unusable: Error, Equatable, CustomStringConvertible {
        case schemeNotHTTP, userInfo, emptyHost, invalidHost, invalidPort, queryOrFragment, invalidPath

        package var description: String {
            switch self {
            case .schemeNotHTTP: "the URL must begin with https:// or http://"
            case .userInfo: "the URL must not contain a user or a password"
            case .emptyHost: "the URL has no host"
            case .invalidHost: "the host of the URL is neither a name nor an address (an IPv6 address needs brackets)"
            case .invalidPort: "the port of the URL must be a number from 1 to 65535"
            case .queryOrFragment: "the URL must not contain ? or #"
            case .invalidPath: "the path of the URL contains a character that must be percent-encoded"
            }
        }
    }

    /// Reads `https://host[:port][/base/path]`; the default port is the scheme's.
    package init(_ url: String) throws(Unusable) {
        var rest = url[...]
        let scheme = rest.prefix { $0 != ":" }.lowercased()
        rest = rest.dropFirst(scheme.count)
        guard scheme == "https" || scheme == "http", rest.hasPrefix("://") else { throw .schemeNotHTTP }
        isTLS = scheme == "https"
        rest = rest.dropFirst(3)
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else { throw .queryOrFragment }

        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else { throw .userInfo }
        let name: Substring
        let portPart: Substring
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { throw .invalidHost }
            name = authority[..<bracket].dropFirst()
            portPart = authority[bracket...].dropFirst()
            guard name.contains(":"), name.utf8.allSatisfy(Self.isAddressByte) else { throw .invalidHost }
        } else {
            name = authority.prefix { $0 != ":" }
            portPart = authority[name.endIndex...]
            guard name.utf8.allSatisfy(Self.isNameByte), !portPart.dropFirst().contains(":") else { throw .invalidHost }
        }
        guard !name.isEmpty else { throw .emptyHost }
        host = name.lowercased()
        // What only looks like an address, such as 127.1 or 1.2.3.4.5, would be read in two ways.
        let isReadable = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        guard isReadable || !Self.looksLikeAddress(host) else { throw .invalidHost }
        port = try Self.port(portPart, default: isTLS ? 443 : 80)

        var path = rest[authority.endIndex...]
        while path.last == "/" { path = path.dropLast() }
        guard path.utf8.allSatisfy(Self.isPathByte) else { throw .invalidPath }
        basePath = String(path)
    }

    package var description: String {
        "\(isTLS ? "https" : "http")://\(hostHeader)\(basePath)"
    }

    /// The value of `Host`: the port only where it is not the scheme's own.
    var hostHeader: String {
        port == (isTLS ? 443 : 80) ? bracketedHost : authority
    }

    /// Host and port, as a proxy wants them.
    var authority: String { "\(bracketedHost):\(port)" }

    private var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// Whether this, as a proxy, can be asked for a tunnel to `origin`: what goes through is encrypted, for a name that is
    /// verified.
    package func canTunnel(to origin: Origin) -> Bool {
        !isTLS && origin.isTLS && !origin.isAddress
    }

    /// What is sent there does not leave this machine.
    package var isLoopback: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "::1" || isAddress && host.hasPrefix("127.")
    }

    /// An address has no server name to send, and its certificate is checked against the address itself.
    var isAddress: Bool { Self.looksLikeAddress(host) }

    private static func looksLikeAddress(_ host: String) -> Bool {
        host.contains(":") || host.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: ".") }
    }

    private static func port(_ text: Substring, default fallback: Int) throws(Unusable) -> Int {
        if text.isEmpty { return fallback }
        guard text.first == ":", text.dropFirst().utf8.allSatisfy(isDigit), let port = Int(text.dropFirst()),
            (1...65535).contains(port)
        else { throw .invalidPort }
        return port
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_")
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        hexValue(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }

    /// Visible ASCII except the delimiters that a path must encode.
    private static func isPathByte(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !#""<>\^`{|}"#.utf8.contains(byte)
    }
}
