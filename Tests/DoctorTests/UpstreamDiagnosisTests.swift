import CheckOTP
import OTPDoctor
import Testing

/// What `doctor` says about the way to the upstream.
struct UpstreamDiagnosisTests {
    typealias Case = ClusterDiagnosisTests.Case

    private static let now: Int64 = 1_800_000_000

    static let cases: [Case] = [
        Case(.failure, "check_otp.url", "its name has no address", "name resolution") {
            seen { $0.failure = .unresolved }
        },
        Case(.failure, "check_otp.url", "nobody listens there", "firewall") { seen { $0.failure = .unreachable } },
        Case(.failure, "check_otp.url", "no connection within", "packets are dropped") {
            seen { $0.failure = .connectTimeout }
        },
        Case(.failure, "check_otp.proxy", "the proxy http://egress:3128: nobody listens", "check check_otp.proxy") {
            seen(proxy: "http://egress:3128") { $0.failure = .unreachable }
        },
        Case(.failure, "check_otp.proxy", "refuses a tunnel", "CONNECT to upstream.example on port 443") {
            seen(proxy: "http://egress:3128") { $0.failure = .tunnelRefused }
        },
        Case(.failure, "check_otp.proxy", "takes connections and makes no tunnel", "an HTTP proxy") {
            seen(proxy: "http://egress:3128") { result in
                result = .init()
                result.stage = .connected
                result.failure = .silent
            }
        },
        Case(.failure, "upstream.tls", "does not shake hands", "speaks TLS") {
            seen { result in
                result = .init()
                result.stage = .connected
                result.failure = .silent
            }
        },
        Case(.failure, "upstream.tls", "speaks no TLS (WRONG_VERSION_NUMBER), most likely plain http", "speaks TLS") {
            seen { result in
                result = .init()
                result.failure = .tls("WRONG_VERSION_NUMBER")
            }
        },
        Case(.failure, "upstream.tls", "speaks TLS 1.1", "nothing here can be set lower") {
            insecure { $0.tlsVersion = "TLS 1.1" }
        },
        Case(.failure, "upstream.certificate", "ran out 2 days ago", "this machine's clock") {
            insecure { $0.certificate?.notAfter = now - 2 * 86_400 }
        },
        Case(.failure, "upstream.certificate", "is not valid yet", "this machine's clock") {
            insecure { $0.certificate?.notBefore = now + 60 }
        },
        Case(
            .failure,
            "upstream.certificate",
            "is for upstream.example, not for",
            "the name that the certificate is for"
        ) {
            insecure { $0.failure = .tls("failedToValidateHostname") }
        },
        Case(.failure, "upstream.certificate", "is for no name, not for upstream.example", "the name that") {
            insecure { result in
                result.failure = .tls(UpstreamProbe.otherHost)
                result.certificate?.names = []
            }
        },
        Case(.failure, "upstream.certificate", "is not signed by an authority", "check_otp.ca_file") {
            insecure { _ in }
        },
        Case(.warning, "upstream.certificate", "runs out in 3 days", "being renewed") {
            seen { $0.certificate?.notAfter = now + 3 * 86_400 }
        },
        // Theirs: anyone who sends its own certificate alone may lack the one between it and the root.
        Case(
            .failure,
            "upstream.certificate",
            "is not signed by an authority that is trusted here (CN=Authority), and no intermediate certificate comes with it",
            "openssl s_client -showcerts -connect upstream.example:443"
        ) {
            insecure { $0.certificate?.sent = 1 }
        },
        // Ours.
        Case(
            .failure,
            "check_otp.client_certificate_file",
            "after the handshake (UNKNOWN_CA); the file holds the certificate alone, signed by CN=Issuing CA",
            "append its certificate to the file"
        ) {
            seen(identity: ClientChain(links: [.init(subject: "CN=shop", issuer: "CN=Issuing CA")])) { result in
                result.stage = .secured
                result.status = nil
                result.failure = .tls("UNKNOWN_CA")
            }
        },
        Case(
            .warning,
            "check_otp.client_certificate_file",
            "the certificate of CN=shop is not followed by that of its signer, CN=Issuing CA",
            "the certificate first, then its signer's"
        ) {
            seen(
                identity: ClientChain(links: [
                    .init(subject: "CN=shop", issuer: "CN=Issuing CA"), .init(subject: "CN=Root", issuer: "CN=Root"),
                ])
            ) { _ in }
        },
        Case(
            .failure,
            "check_otp.client_certificate_file",
            "after the handshake (CERTIFICATE_REQUIRED)",
            "client_key_file"
        ) {
            seen { result in
                result.stage = .secured
                result.status = nil
                result.failure = .tls("CERTIFICATE_REQUIRED")
            }
        },
        Case(.failure, "upstream.answer", "says nothing", "check check_otp.url") { unanswered(.silent) },
        Case(.failure, "upstream.answer", "not HTTP", "check check_otp.url") { unanswered(.notHTTP) },
        Case(.failure, "upstream.answer", "without an answer", "check check_otp.url") { unanswered(.closed) },
        Case(.failure, "check_otp.secret_key", "refuses the key (401)", "exactly as issued") {
            seen { $0.status = 401 }
        },
        Case(.failure, "upstream.answer", "a page answers 401", "curl -i") {
            seen {
                $0.status = 401
                $0.isPage = true
            }
        },
        Case(.failure, "upstream.answer", "a page answers 403", "curl -i") {
            seen {
                $0.status = 403
                $0.isPage = true
            }
        },
        Case(.failure, "check_otp.secret_key", "or this address (403)", "leaves from 10.0.0.7") {
            seen { $0.status = 403 }
        },
        Case(.failure, "check_otp.url", "sends elsewhere (302)", "where check_otp is") { seen { $0.status = 302 } },
        Case(.warning, "check_otp.url", "answered 404: the path may be wrong", "the origin alone") {
            seen { $0.status = 404 }
        },
        Case(.warning, "upstream.answer", "is answered 200: Paynet refuses one, so a page may have", "curl -i https://")
        {
            seen { $0.status = 200 }
        },
        Case(.warning, "upstream.answer", "in trouble now (503)", "again later") { seen { $0.status = 503 } },
        Case(.warning, "clock.upstream", "clock is 90 s behind", "NTP") { seen { $0.date = now + 90 } },
        Case(.warning, "check_otp.url", "is not encrypted", "write https://") {
            seen(origin: "http://upstream.example") { $0.tlsVersion = nil }
        },
    ]

    @Test(arguments: cases) func aBrokenWayIsToldWithItsRemedy(_ broken: Case) {
        broken.verify()
    }

    @Test func allIsWellWhereAllIsWell() {
        let found = Self.seen { $0.seenAddress = "192.0.2.1" }
        // Whether the key is taken, such a look cannot always tell.
        #expect(found.allSatisfy { $0.severity == ($0.check == "check_otp.secret_key" ? .skipped : .ok) })
        #expect(
            found.map(\.check) == [
                "check_otp.url", "upstream.tls", "upstream.certificate", "check_otp.secret_key", "clock.upstream",
                "upstream.egress",
            ]
        )
        #expect(found.last?.message == "the upstream sees 192.0.2.1")
        // Play on this machine needs no TLS.
        #expect(Self.seen(origin: "http://127.0.0.1:8085") { $0.tlsVersion = nil }.exitCode == 0)
    }

    private static func seen(
        origin: String = "https://upstream.example",
        proxy: String? = nil,
        identity: ClientChain? = nil,
        _ change: (inout UpstreamProbe.ProbeResult) -> Void
    ) -> [Diagnosis] {
        var result = UpstreamProbe.ProbeResult()
        result.localAddress = "10.0.0.7"
        result.tlsVersion = "TLS 1.2"
        result.stage = .answered
        result.certificate = .init(
            names: ["upstream.example"],
            issuer: "CN=Authority",
            notBefore: now - 86_400,
            notAfter: now + 90 * 86_400
        )
        result.status = 405
        result.date = now
        change(&result)
        guard let origin = try? Origin(origin) else { return [] }
        let proxy = proxy.flatMap { try? Origin($0) }
        return UpstreamChecks(result, origin: origin, proxy: proxy, identity: identity, now: now).findings
    }

    /// A handshake that failed, and what a unverified one then saw.
    private static func insecure(_ change: (inout UpstreamProbe.ProbeResult) -> Void) -> [Diagnosis] {
        seen { result in
            result.stage = .connected
            result.status = nil
            result.failure = .tls("CERTIFICATE_VERIFY_FAILED")
            change(&result)
        }
    }

    private static func unanswered(_ failure: UpstreamProbe.Failure) -> [Diagnosis] {
        seen { result in
            result.stage = .secured
            result.status = nil
            result.failure = failure
        }
    }
}
