import Foundation
import LoopbackKit
import OTPObservability
import Testing

@Suite("The page at / is one document that loads nothing and lets nothing in")
struct HomePageTests {
    /// What a broker, a topic or a producer could bring into a condition or a state.
    private static let hostile = "</pre><script>alert(1)</script> & {nonce} \u{2028}"

    private func withPage(_ body: (LoopbackHTTP.Answer, LoopbackHTTP.Answer) throws -> Void) async throws {
        let health = HealthState(conditions: ["broker"]) { .zero }
        health.set("broker", isOK: false, detail: Self.hostile)
        let server = AdminServer(port: 0, times: .patient, health: health, registry: MetricRegistry()) {
            Array(#"{"worker":"\#(Self.hostile)"}"#.utf8)
        }
        let port = try await server.start()
        let pages = try? await (LoopbackHTTP.get("/", port: port), LoopbackHTTP.get("/?again", port: port))
        await server.stop()
        let (first, second) = try #require(pages)
        try body(first, second)
    }

    private func policy(_ answer: LoopbackHTTP.Answer) throws -> [String] {
        let line = answer.headers.split(separator: "\r\n").first { $0.hasPrefix("content-security-policy: ") }
        return try #require(line).dropFirst("content-security-policy: ".count).split(separator: ";")
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private func nonce(_ answer: LoopbackHTTP.Answer) throws -> String {
        let source = try #require(try policy(answer).first { $0.hasPrefix("script-src ") })
        return String(try #require(source.firstMatch(of: /^script-src 'nonce-([0-9a-fx]{20,})'$/)).1)
    }

    @Test func onlyItsOwnStyleAndScriptRunAndOnlyThisServerIsAsked() async throws {
        try await withPage { first, second in
            #expect(first.status == 200)
            #expect(first.headers.contains("content-type: text/html; charset=utf-8"))
            #expect(first.headers.contains("x-content-type-options: nosniff"))
            let nonce = try nonce(first)
            #expect(
                try policy(first) == [
                    "default-src 'none'", "style-src 'nonce-\(nonce)'", "script-src 'nonce-\(nonce)'",
                    "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
                ]
            )
            #expect(first.body.ranges(of: "<script nonce=\"\(nonce)\">").count == 1)
            #expect(first.body.ranges(of: "<style nonce=\"\(nonce)\">").count == first.body.ranges(of: "<style").count)
            #expect(try nonce != self.nonce(second))
        }
    }

    /// Nothing that a browser would load, and no attribute that the policy would have to forbid.
    @Test func itRefersToNothingElsewhere() async throws {
        try await withPage { page, _ in
            #expect(!page.body.contains("://"))
            for word in [" src=", "@import", "url(", " style=", "innerHTML", "onclick", "<link", "<iframe", "<img"] {
                #expect(!page.body.contains(word), "\(word)")
            }
            let links = page.body.matches(of: /href="([^"]*)"/).map { String($0.1) }
            #expect(links == ["ready", "status", "metrics", "live"])
            #expect(page.body.matches(of: /ask\("([a-z]+)"\)/).map { String($0.1) } == ["ready", "status"])
        }
    }

    @Test func whatItShowsWithoutAScriptIsTextAndNeverMarkup() async throws {
        try await withPage { page, _ in
            #expect(page.body.ranges(of: "<script").count == 1)
            #expect(page.body.ranges(of: "</pre>").count == 2)
            #expect(page.body.ranges(of: "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {nonce}").count == 2)
        }
    }
}
