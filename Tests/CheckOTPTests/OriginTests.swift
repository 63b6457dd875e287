import Testing

@testable import CheckOTP

/// Which URLs are taken, and what a request says of them.
struct OriginTests {
    @Test(arguments: [
        ("https://api.paynet.com.tr", true, "api.paynet.com.tr", 443, ""),
        ("HTTP://Host:8080/", false, "host", 8080, ""),
        ("https://h:443/a/b//", true, "h", 443, "/a/b"), ("http://[::1]:1", false, "::1", 1, ""),
        ("http://127.0.0.1", false, "127.0.0.1", 80, ""),
    ])
    func aURLIsTakenApart(url: String, isTLS: Bool, host: String, port: Int, path: String) throws {
        let origin = try Origin(url)
        #expect((origin.isTLS, origin.host, origin.port) == (isTLS, host, port))
        #expect(origin.basePath == path)
    }

    @Test(arguments: [
        ("", Origin.Unusable.schemeNotHTTP), ("api.paynet.com.tr", .schemeNotHTTP), ("ftp://h", .schemeNotHTTP),
        ("https:/h", .schemeNotHTTP), ("https://", .emptyHost), ("https:///x", .emptyHost), ("https://:1", .emptyHost),
        ("https://u:p@h", .userInfo), ("https://h h", .invalidHost), ("https://h\r\nX:y", .invalidHost),
        ("https://127.1", .invalidHost), ("https://1.2.3.4.", .invalidHost), ("https://2130706433", .invalidHost),
        ("https://[::g]", .invalidHost), ("https://[1:2]", .invalidHost), ("https://::1", .invalidHost),
        ("https://[::1", .invalidHost), ("https://[::1]x", .invalidPort),
        ("https://h:", .invalidPort), ("https://h:0", .invalidPort), ("https://h:65536", .invalidPort),
        ("https://h:+1", .invalidPort), ("https://h/?q", .queryOrFragment), ("https://h#f", .queryOrFragment),
        ("https://h/a b", .invalidPath), ("https://h/\r\nX: y", .invalidPath), ("https://h/ş", .invalidPath),
    ])
    func whatAClientCannotHonourIsNamed(url: String, problem: Origin.Unusable) {
        #expect(throws: problem) { try Origin(url) }
    }

    @Test(arguments: [("https://h:8443/x", "h:8443"), ("https://h:443", "h"), ("http://[::1]:80", "[::1]")])
    func theHostHeaderNamesThePortOnlyWhereItMatters(url: String, header: String) throws {
        #expect(try Origin(url).hostHeader == header)
    }
}
