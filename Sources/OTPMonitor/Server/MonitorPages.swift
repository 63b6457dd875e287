import NIOHTTP1
import OTPObservability

/// What the monitor answers to a request.
struct MonitorPages: Sendable {
    typealias Page = PageServer.Page

    enum Answer: Sendable {
        case page(Page)
        /// The parts of a page with these charts, as they change.
        case events(Overview.Range)
    }

    let live: LiveMonitor
    let hosts: AllowedHosts

    static let text = "text/plain; charset=utf-8"
    private static let probes = ["live", "ready"]
    private static let paths = [
        "", "session", "runbook", "events", "style.css", "script.js", "icon.svg", "live", "ready",
    ]

    /// Everybody may look where there are no credentials; `areProbesOnly`: to a connection that was let in for them alone.
    func answer(_ head: HTTPRequestHead, _ credentials: Credentials?, areProbesOnly: Bool) -> Answer {
        guard hosts.accept(head.headers) else {
            return .page(
                Self.refusal(.misdirectedRequest, "this server is not known by that host name (--allowed-host)\n")
            )
        }
        guard let request = Request(target: head.uri) else {
            return .page(Self.refusal(.uriTooLong, "that address is too long\n"))
        }
        guard !areProbesOnly || Self.probes.contains(request.path) else {
            return .page(
                Self.refusal(.serviceUnavailable, "too many connections: only /live and /ready are answered\n")
            )
        }
        // A probe has no credentials, and hears nothing of any record.
        guard Self.probes.contains(request.path) || mayLook(head, credentials) else { return Self.unauthorized }
        guard Self.paths.contains(request.path) else {
            let served = Self.paths.map { "/" + $0 }.joined(separator: " ")
            return .page(Page(status: .notFound, contentType: Self.text, body: Array("served here: \(served)\n".utf8)))
        }
        guard head.method == .GET || head.method == .HEAD else {
            return .page(
                Page(status: .methodNotAllowed, contentType: Self.text, headers: [("allow", "GET, HEAD")], isLast: true)
            )
        }
        let range = request["range"].flatMap(Overview.Range.init) ?? .hour
        if request.path == "events", head.method == .GET { return .events(range) }
        return .page(page(request, range))
    }

    private func page(_ request: Request, _ range: Overview.Range) -> Page {
        switch request.path {
        case "": return html(live.look { Overview($0, at: $1, range).page })
        case "session":
            let (isFound, page) = live.look { monitor, _ in SessionPage.page(request["id"], monitor) }
            return html(page, status: isFound ? .ok : .notFound)
        case "runbook": return html(Runbook.page)
        case "events": return Page(contentType: "text/event-stream")
        case "style.css": return asset(Assets.style, "text/css; charset=utf-8")
        case "script.js": return asset(Assets.script, "text/javascript; charset=utf-8")
        case "icon.svg": return asset(Assets.icon, "image/svg+xml")
        case "live": return Page(contentType: "application/json", body: Array("{\"live\":true}\n".utf8))
        default:
            let (isReady, body) = live.look { $0.readiness(at: $1) }
            let status: HTTPResponseStatus = isReady ? .ok : .serviceUnavailable
            return Page(status: status, contentType: "application/json", body: body + [UInt8(ascii: "\n")])
        }
    }

    private func mayLook(_ head: HTTPRequestHead, _ credentials: Credentials?) -> Bool {
        guard let credentials else { return true }
        let given = head.headers["authorization"]
        return given.count == 1 && credentials.accept(given[0])
    }

    private static let unauthorized = Answer.page(
        Page(
            status: .unauthorized,
            contentType: text,
            // Each on a line of its own: Chromium takes none where two share one.
            headers: [
                ("www-authenticate", "Basic realm=\"otp-worker monitor\", charset=\"UTF-8\""),
                ("www-authenticate", "Bearer realm=\"otp-worker monitor\""),
            ],
            body: Array("who are you?\n".utf8),
            isLast: true
        )
    )

    static func refusal(_ status: HTTPResponseStatus, _ why: String) -> Page {
        Page(status: status, contentType: text, body: Array(why.utf8), isLast: true)
    }

    private func html(_ html: HTML, status: HTTPResponseStatus = .ok) -> Page {
        Page(
            status: status,
            contentType: "text/html; charset=utf-8",
            headers: [("content-security-policy", Document.policy)],
            body: Array(html.text.utf8)
        )
    }

    private func asset(_ text: String, _ type: String) -> Page {
        Page(contentType: type, body: Array(text.utf8))
    }
}
