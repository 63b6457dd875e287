package import CheckOTP
import OTPContract

/// Judges the way to the upstream: address, TLS, certificate, key, clock and egress.
package struct UpstreamChecks {
    private let result: UpstreamProbe.ProbeResult
    private let origin: Origin
    private let proxy: Origin?
    /// What is shown to the upstream, if it is to be shown a certificate.
    private let identity: ClientChain?
    /// Seconds since 1970.
    private let now: Int64

    /// - Parameters:
    ///   - result: what was seen on the way there.
    ///   - origin: of the upstream.
    ///   - proxy: on the way to it, if there is one.
    ///   - identity: what is shown to the upstream, if it is to be shown a certificate.
    ///   - now: seconds since 1970, by this machine's clock.
    package init(
        _ result: UpstreamProbe.ProbeResult,
        origin: Origin,
        proxy: Origin?,
        identity: ClientChain? = nil,
        now: Int64
    ) {
        self.result = result
        self.origin = origin
        self.proxy = proxy
        self.identity = identity
        self.now = now
    }

    /// In the order of the way there; nothing is said of what lies behind the first thing that stops it.
    package var findings: [Diagnosis] {
        if let finding = unreached { return [finding] }
        var findings = [
            Diagnosis.ok(
                "check_otp.url",
                "\(origin) can be reached\(proxy.map { ", through \($0)" } ?? "")"
            )
        ]
        findings += [brokenIdentity].compactMap { $0 }
        guard let security else { return findings + answer }
        findings += security
        return findings + (security.contains { $0.severity == .failure } ? [] : answer)
    }

    private var unreached: Diagnosis? {
        let peer = proxy.map { "the proxy \($0)" } ?? "\(origin)"
        let setting = proxy == nil ? "check_otp.url" : "check_otp.proxy"
        return switch result.failure {
        case .unresolved:
            .failure(
                setting,
                "\(peer): its name has no address",
                remedy: "correct \(setting), or fix this host's name resolution"
            )
        case .unreachable:
            .failure(
                setting,
                "\(peer): nobody listens there, or there is no way to it",
                remedy: "check \(setting) and the firewall; a fixed egress address may need check_otp.proxy"
            )
        case .connectTimeout:
            .failure(
                setting,
                "\(peer): no connection within check_otp.connect_timeout",
                remedy: "check the firewall: packets are dropped on the way"
            )
        case .tunnelRefused:
            .failure(
                "check_otp.proxy",
                "\(peer) refuses a tunnel to \(origin)",
                remedy: "let the proxy CONNECT to \(origin.host) on port \(origin.port)"
            )
        case .silent where isBeforeTunnel, .closed where isBeforeTunnel:
            .failure(
                "check_otp.proxy",
                "\(peer) takes connections and makes no tunnel to \(origin)",
                remedy: "check that it is an HTTP proxy, and that it lets CONNECT through to port \(origin.port)"
            )
        default: nil
        }
    }

    private var isBeforeTunnel: Bool { proxy != nil && result.stage == .connected }

    /// Nil without TLS, where there is nothing more to say than that.
    private var security: [Diagnosis]? {
        guard origin.isTLS else {
            return origin.isLoopback
                ? nil
                : [
                    .warning(
                        "check_otp.url",
                        "\(origin) is not encrypted: key, phone numbers and codes pass in the clear",
                        remedy: "write https://"
                    )
                ]
        }
        if result.failure == .silent, result.stage.rawValue < UpstreamProbe.Stage.secured.rawValue {
            return [
                .failure(
                    "upstream.tls",
                    "the upstream takes connections and does not shake hands",
                    remedy: "check that the port of check_otp.url speaks TLS; then ask the upstream"
                )
            ]
        }
        guard case .tls(let reason)? = result.failure else {
            guard let version = result.tlsVersion else { return [] }
            return [.ok("upstream.tls", version)] + [expiry].compactMap { $0 }
        }
        return [refusedTLS(reason)]
    }

    /// Why no secure connection came about, from what the other side showed.
    private func refusedTLS(_ reason: String) -> Diagnosis {
        if result.stage == .secured { return refusedIdentity(reason) }
        if let version = result.tlsVersion, version < "TLS 1.2" {
            return .failure(
                "upstream.tls",
                "the upstream speaks \(version); 1.2 is the least that is safe, and the least that is taken",
                remedy: "check check_otp.url, and what stands before the upstream; nothing here can be set lower"
            )
        }
        // Whatever it said, it was no TLS: most often a web server's page, in the clear.
        if result.certificate == nil, reason.contains("WRONG_VERSION_NUMBER") || reason.contains("HTTP_REQUEST") {
            return .failure(
                "upstream.tls",
                "\(origin): what answers there speaks no TLS (\(reason)), most likely plain http",
                remedy: "write the port that speaks TLS in check_otp.url; http:// is for this machine only"
            )
        }
        guard let certificate = result.certificate else {
            return .failure(
                "upstream.tls",
                "no secure connection: \(reason)",
                remedy: "check that the port speaks TLS; if it asks for a client certificate, set"
                    + " check_otp.client_certificate_file and check_otp.client_key_file"
            )
        }
        if certificate.notAfter <= now || certificate.notBefore > now {
            return .failure(
                "upstream.certificate",
                certificate.notAfter <= now
                    ? "the upstream's certificate ran out \(days(now - certificate.notAfter)) ago"
                    : "the upstream's certificate is not valid yet",
                remedy: "check this machine's clock; if it is right, the upstream must renew its certificate"
            )
        }
        if reason == UpstreamProbe.otherHost || reason.contains("failedToValidateHostname")
            || reason.contains("unableToValidateCertificate")
        {
            let names = certificate.names.isEmpty ? "no name" : certificate.names.joined(separator: ", ")
            return .failure(
                "upstream.certificate",
                "the upstream's certificate is for \(names), not for \(origin.host)",
                remedy: "write in check_otp.url the name that the certificate is for"
            )
        }
        if certificate.sent == 1, !certificate.isSelfSigned {
            return .failure(
                "upstream.certificate",
                "the upstream's certificate is not signed by an authority that is trusted here (\(certificate.issuer)), and no"
                    + " intermediate certificate comes with it",
                remedy:
                    "if that is an intermediate authority, the upstream must send its certificate too (openssl s_client"
                    + " -showcerts -connect \(origin.host):\(origin.port) shows what it sends); for a private authority, or a firewall"
                    + " that opens TLS, set check_otp.ca_file"
            )
        }
        return .failure(
            "upstream.certificate",
            "the upstream's certificate is not signed by an authority that is trusted here (\(certificate.issuer))",
            remedy:
                "install ca-certificates; for a private authority, or a firewall that opens TLS, set check_otp.ca_file"
        )
    }

    private static let certificateFile = "check_otp.client_certificate_file"

    /// The handshake was well, and then the connection ended: it is our certificate, or its lack.
    private func refusedIdentity(_ reason: String) -> Diagnosis {
        let what = "the upstream ends the connection after the handshake (\(reason))"
        guard let first = identity?.links.first else {
            return .failure(
                Self.certificateFile,
                what,
                remedy:
                    "it may ask for a client certificate: set check_otp.client_certificate_file and check_otp.client_key_file"
            )
        }
        let isAlone = identity?.links.count == 1 && first.issuer != first.subject
        return .failure(
            Self.certificateFile,
            what + (isAlone ? "; the file holds the certificate alone, signed by \(first.issuer)" : ""),
            remedy: isAlone
                ? "if that is an intermediate authority, append its certificate to the file; else ask whether the upstream knows it"
                : "ask whether the upstream knows \(first.subject), and that it has not run out"
        )
    }

    /// A chain in the wrong order, or with a gap, is none to anyone who has to verify it.
    private var brokenIdentity: Diagnosis? {
        guard let gap = identity?.broken else { return nil }
        return .warning(
            Self.certificateFile,
            "the certificate of \(gap.subject) is not followed by that of its signer, \(gap.issuer): an intermediate certificate is"
                + " missing, or the order is wrong",
            remedy: "write the certificate first, then its signer's, then that one's, up to the last intermediate"
        )
    }

    private var expiry: Diagnosis? {
        guard let certificate = result.certificate else { return nil }
        let left = certificate.notAfter - now
        guard left < 14 * 86_400 else {
            return .ok("upstream.certificate", "valid for \(days(left)) more, by \(certificate.issuer)")
        }
        return .warning(
            "upstream.certificate",
            "the upstream's certificate runs out in \(days(left))",
            remedy: "ask the upstream whether it is being renewed"
        )
    }

    private func days(_ seconds: Int64) -> String {
        let days = seconds / 86_400
        return days == 0 ? "less than a day" : days.counted("day")
    }

    private var answer: [Diagnosis] {
        guard let status = result.status else { return [unanswered] }
        return [key(status)] + [clock, egress].compactMap { $0 }
    }

    private var unanswered: Diagnosis {
        let why =
            switch result.failure {
            case .silent: "it takes the request and says nothing"
            case .notHTTP: "what it says is not HTTP"
            default: "it ends the connection without an answer"
            }
        return .failure(
            "upstream.answer",
            "\(origin): \(why)",
            remedy: "check check_otp.url: host, port, https or http; then ask the upstream"
        )
    }

    /// A `GET` can only be refused: how, tells of the key.
    private func key(_ status: Int) -> Diagnosis {
        let setting = "check_otp.secret_key"
        switch status {
        case 401 where result.isPage, 403 where result.isPage:
            return .failure(
                "upstream.answer",
                "a page answers \(status) in Paynet's place (a firewall, a portal): calls would not get through, and"
                    + " nothing is known of the key",
                remedy:
                    "see what answers (curl -i \(origin)/v1/card/check_otp), and have this egress address allowed there"
            )
        case 401:
            return .failure(
                setting,
                "the upstream refuses the key (401)",
                remedy: "set the key exactly as issued for \(origin), or try check_otp.authentication basic_pair"
            )
        case 403:
            return .failure(
                setting,
                "the upstream refuses the account, or this address (403)",
                remedy:
                    "ask for this egress address to be allowed\(result.localAddress.map { " (the connection leaves from \($0))" } ?? "")"
                    + ", and whether the account is open; check_otp.proxy gives a fixed egress"
            )
        case 200..<300:
            return .warning(
                "upstream.answer",
                "a GET of check_otp is answered \(status): Paynet refuses one, so a page may have answered in its place"
                    + " (a portal, a firewall, another site); nothing is known of the key",
                remedy: "see what answers (curl -i \(origin)/v1/card/check_otp), then check"
                    + " check_otp.url and check_otp.proxy"
            )
        case 300..<400:
            return .failure(
                "check_otp.url",
                "\(origin) sends elsewhere (\(status)), and a worker follows nobody with its key",
                remedy: "write in check_otp.url where check_otp is"
            )
        case 404:
            return .warning(
                "check_otp.url",
                "a GET of check_otp is answered 404: the path may be wrong",
                remedy: "write the origin alone, such as https://api.paynet.com.tr, unless something stands before it"
            )
        case 429, 500...:
            return .warning(
                "upstream.answer",
                "the upstream is in trouble now (\(status)); nothing is known of the key",
                remedy: "run doctor again later; the worker itself tries again by itself"
            )
        default:
            return .skipped(
                setting,
                "not refused: a GET is answered \(status); but an upstream may look at the method before it looks at the key"
            )
        }
    }

    private var clock: Diagnosis? {
        guard let date = result.date else { return nil }
        // `Date` has whole seconds, and was written before the answer travelled.
        guard abs(date - now) > 3 else { return .ok("clock.upstream", "within 3 s of the upstream's") }
        return .warning(
            "clock.upstream",
            "this machine's clock is \(abs(date - now)) s \(date > now ? "behind" : "ahead of") the upstream's",
            remedy: "let NTP set the clock (chronyc tracking): deadlines and certificates hang on it"
        )
    }

    private var egress: Diagnosis? {
        if let seen = result.seenAddress { return .ok("upstream.egress", "the upstream sees \(seen)") }
        return result.localAddress.map {
            .ok(
                "upstream.egress",
                "connections leave this machine from \($0); the upstream may see another one, behind NAT or a proxy"
            )
        }
    }
}
