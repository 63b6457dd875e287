import NIOHTTP1

/// What the admin server answers to a path.
struct AdminPages: Sendable {
    typealias Page = PageServer.Page

    let health: HealthState
    let registry: MetricRegistry
    let status: @Sendable () async -> [UInt8]
    let hosts: AllowedHosts

    private static let paths = ["/", "/live", "/ready", "/status", "/metrics"]
    private static let probes = ["/live", "/ready"]

    /// `areProbesOnly`: to a connection that was let in for them alone.
    func page(_ request: HTTPRequestHead, areProbesOnly: Bool) async -> Page {
        let method = request.method
        let path = String(request.uri.prefix { $0 != "?" })
        guard hosts.accept(request.headers) else {
            return refusal(.misdirectedRequest, "this server is not known by that host name (admin.allowed_hosts)\n")
        }
        guard !areProbesOnly || Self.probes.contains(path) else {
            return refusal(.serviceUnavailable, "too many connections: only /live and /ready are answered\n")
        }
        guard Self.paths.contains(path) else {
            let served = "served here: \(Self.paths.joined(separator: ", "))\n"
            return Page(status: .notFound, contentType: "text/plain", body: Array(served.utf8))
        }
        guard method == .GET || method == .HEAD else {
            return Page(status: .methodNotAllowed, contentType: "text/plain", headers: [("allow", "GET, HEAD")])
        }
        switch path {
        case "/": return await home()
        case "/live":
            let (isLive, body) = health.liveness
            return verdict(isLive, body)
        case "/ready":
            let (isReady, body) = health.readiness
            return verdict(isReady, body)
        case "/status":
            return json(await status())
        default:
            return Page(contentType: PrometheusText.contentType, body: Array(registry.render().utf8))
        }
    }

    private func refusal(_ status: HTTPResponseStatus, _ why: String) -> Page {
        Page(status: status, contentType: "text/plain", body: Array(why.utf8), isLast: true)
    }

    private func home() async -> Page {
        let nonce = HomePage.nonce()
        return Page(
            contentType: "text/html; charset=utf-8",
            headers: [("content-security-policy", HomePage.policy(nonce: nonce)), ("referrer-policy", "no-referrer")],
            body: HomePage.html(ready: health.readiness.body, status: await status(), nonce: nonce)
        )
    }

    private func verdict(_ isGood: Bool, _ body: [UInt8]) -> Page {
        json(body, status: isGood ? .ok : .serviceUnavailable)
    }

    private func json(_ body: [UInt8], status: HTTPResponseStatus = .ok) -> Page {
        Page(status: status, contentType: "application/json", body: body + [UInt8(ascii: "\n")])
    }
}
