import OTPContract

/// The page at `/`, in parts: each is rendered by itself, so that what has changed can be sent to a page that is open.
///
/// Pure: the same monitor at the same moment gives the same text.
package struct Overview: Sendable {
    /// How far back the charts go.
    package enum Range: String, CaseIterable, Sendable {
        case hour = "1h"
        case shift = "6h"
        case day = "24h"

        /// Minutes in all, and of one point.
        var minutes: (all: Int, step: Int) {
            switch self {
            case .hour: (60, 1)
            case .shift: (360, 5)
            case .day: (1_440, 15)
            }
        }
    }

    /// In the order of the page.
    package enum Part: String, CaseIterable, Sendable {
        case health, figures, charts, upstream, workers, partitions, troubled, letters
    }

    package enum Bounds {
        /// Rows of a table of results or dead letters.
        package static let rows = 50
        /// Partitions that are listed, those with the most lag first.
        package static let partitions = 64
    }

    let monitor: FleetMonitor
    let now: FleetMonitor.Moment
    private let range: Range
    var second: Int { FleetView.second(now.elapsed) }

    package init(_ monitor: FleetMonitor, at now: FleetMonitor.Moment, _ range: Range) {
        self.monitor = monitor
        self.now = now
        self.range = range
    }

    package func html(_ part: Part) -> HTML {
        switch part {
        case .health: health
        case .figures: figures
        case .charts: charts
        case .upstream: upstream
        case .workers: workers
        case .partitions: partitions
        case .troubled: troubled
        case .letters: letters
        }
    }

    /// The whole document.
    package var page: HTML {
        let body = Part.allCases.map { part -> HTML in
            let search: HTML = part == .troubled ? Document.search : ""
            return """
                <section aria-labelledby="title-\(part.rawValue)"><h2 id="title-\(part.rawValue)">\(Self.title(part))</h2>\
                \(search)<div id="\(part.rawValue)">\(html(part))</div></section>
                """
        }
        return Document.page(title: monitor.view.topic, isLive: true, body: "\(body)")
    }

    private static func title(_ part: Part) -> String {
        switch part {
        case .health: "What to look at"
        case .figures: "Now"
        case .charts: "Over time"
        case .upstream: "Upstream, as results tell"
        case .workers: "Workers"
        case .partitions: "Partitions"
        case .troubled: "In doubt or failed"
        case .letters: "Dead letters"
        }
    }

    // MARK: Health and figures

    private var health: HTML {
        let conditions = monitor.conditions(at: now).filter { !$0.isMet }
        let findings = monitor.findings(at: now)
        let blind = conditions.flatMap { condition in
            condition.problems.map { problem -> HTML in
                let mark: HTML = condition.isAdvisory ? Document.mark("advice", "warn") : Document.mark("blind", "bad")
                return "<li>\(mark)<span>\(problem)</span></li>"
            }
        }
        let found = findings.map { finding -> HTML in
            let isBad = finding.severity == .critical
            let sessions = finding.sessions.enumerated().map { index, session -> HTML in
                "\(index == 0 ? ", the most in " : ", ")\(Document.session(session))"
            }
            return """
                <li>\(Document.mark(isBad ? "critical" : "warning", isBad ? "bad" : "warn"))<span>\(finding.text)\(sessions)</span>\
                <a href="runbook#\(Runbook.anchor(finding.section.rawValue))">runbook: \(finding.section.rawValue)</a></li>
                """
        }
        guard blind.isEmpty, found.isEmpty else { return "<ul class=\"list\">\(blind + found)</ul>" }
        return """
            <ul class="list"><li>\(Document.mark("well", "good"))<span>Everything is read, and nothing is found wrong.</span></li></ul>
            """
    }

    private var figures: HTML {
        let view = monitor.view
        let recent = view.latency.lastMinute(at: second)
        let minute = { (status: Status) in
            Status.allCases.firstIndex(of: status).map { view.statuses[$0].count(last: 60, at: second) } ?? 0
        }
        let all = view.rate.count(last: 60, at: second)
        let troubles = monitor.troubles.count(last: 60, at: second)
        var boxes = [
            Document.figure(
                "results a second",
                Figure.rate(view.rate.rate(last: 10, at: second)),
                "\(Figure.grouped(all)) in the last minute, \(Figure.grouped(view.rate.total)) since the start"
            ),
            Document.figure(
                "verified",
                all == 0 ? "–" : Figure.percent(Double(minute(.verified)) / Double(all)),
                "\(Figure.grouped(minute(.rejected))) rejected, \(Figure.grouped(minute(.expired))) expired, "
                    + "\(Figure.grouped(minute(.invalid))) invalid in the last minute"
            ),
            Document.figure(
                "failed or in doubt",
                Figure.grouped(troubles),
                "\(Figure.grouped(minute(.failed))) failed, "
                    + "\(Figure.grouped(view.inDoubt.count(last: 60, at: second))) in doubt in the last minute",
                style: troubles > 0 ? "warn" : ""
            ),
            Document.figure(
                "time to answer",
                recent.quantile(0.5).map(Figure.time) ?? "–",
                recent.count == 0
                    ? "no result in the last minute"
                    : "p90 \(quantile(recent, 0.9)), p99 \(quantile(recent, 0.99)), at most \(Figure.time(recent.maximum))"
            ),
        ]
        boxes.append(lagFigure)
        boxes.append(
            Document.figure(
                "replayed",
                Figure.grouped(view.replayed.count(last: 60, at: second)),
                "answered from memory in the last minute"
            )
        )
        let unreadable: HTML =
            view.unreadable == 0
            ? "" : "<p class=\"note\">\(Figure.grouped(view.unreadable)) records that this version cannot read</p>"
        return "<div class=\"figures\">\(boxes)</div>\(unreadable)"
    }

    private var lagFigure: HTML {
        switch monitor.view.lag {
        case .unknown: return Document.figure("commands that wait", "–", "not known yet")
        case .refused: return Document.figure("commands that wait", "–", "the cluster does not tell", style: "warn")
        case .known(let lags):
            let all = Int(clamping: lags.values.reduce(0, +))
            let most = lags.max { ($0.value, $1.key) < ($1.value, $0.key) }.flatMap { $0.value > 0 ? $0 : nil }
            let where_ = most.map { ", most in \($0.key): \(Figure.grouped(Int(clamping: $0.value)))" } ?? ""
            return Document.figure("commands that wait", Figure.grouped(all), "in \(lags.count) partitions\(where_)")
        }
    }

    func quantile(_ latency: LatencyHistogram, _ share: Double) -> String {
        latency.quantile(share).map(Figure.time) ?? "–"
    }

    // MARK: Charts

    private var charts: HTML {
        let (all, step) = range.minutes
        let spans = monitor.history.spans(last: all, step: step, at: now.wall)
        let times = spans.map(\.start)
        func each(_ counter: History.Counter) -> [Double?] {
            spans.map { Double($0[counter]) / Double($0.seconds) }
        }
        func count(_ counter: History.Counter) -> [Double?] { spans.map { Double($0[counter]) } }
        func latency(_ share: Double) -> [Double?] { spans.map { $0.latency.quantile(share).map(Double.init) } }
        let outcomes: [(String, History.Counter)] = [
            ("verified", .verified), ("rejected", .rejected), ("expired", .expired), ("invalid", .invalid),
            ("failed", .failed),
        ]
        let charts = [
            Chart(
                "Results a second",
                .stack,
                times: times,
                series: outcomes.map { Chart.Series($0.0, style: $0.0, each($0.1)) },
                words: Figure.rate
            ),
            Chart(
                "Time to answer",
                .lines,
                times: times,
                series: [
                    .init("p50", style: "low", latency(0.5)), .init("p90", style: "middle", latency(0.9)),
                    .init("p99", style: "high", latency(0.99)),
                ],
                words: { Figure.time(Int64($0)) }
            ),
            Chart(
                "Commands that wait",
                .lines,
                times: times,
                series: [.init("most", style: "middle", spans.map { $0.lag.map(Double.init) })],
                words: { Figure.grouped(Int($0)) }
            ),
            Chart(
                "Troubles",
                .lines,
                times: times,
                series: [
                    .init("failed", style: "failed", count(.failed)),
                    .init("in doubt", style: "doubt", count(.inDoubt)),
                    .init("too many codes", style: "expired", count(.tooManyCodes)),
                    .init("dead letters", style: "invalid", count(.deadLetters)),
                ],
                words: { Figure.grouped(Int($0)) }
            ),
        ]
        let ranges = Range.allCases.map { other -> HTML in
            let current: HTML = other == range ? " aria-current=\"true\"" : ""
            return "<a href=\"?range=\(other.rawValue)\"\(current)>\(other.rawValue)</a>"
        }
        return """
            <p class="ranges">\(ranges)<span>each point is \(step == 1 ? "a minute" : "\(step) minutes"); times are UTC</span></p>\
            <div class="charts">\(charts.map(\.html))</div>
            """
    }

    // MARK: Upstream

    private var upstream: HTML {
        let span = monitor.history.total(last: 5, at: now.wall)
        let asked = span.results - span[.replayed] - span[.invalid] - span[.expired]
        var state = Self.state(span, asked: asked)
        if state.style == "good", monitor.findings(at: now).contains(where: { $0.section == .upstreamSlow }) {
            state = ("answers slowly", "what needed no call was answered quickly", "warn")
        }
        let boxes = [
            Document.figure("as the last 5 minutes tell", state.words, state.detail, style: state.style),
            Document.figure(
                "calls a result",
                asked > 0 ? Figure.decimal(Double(span[.calls]) / Double(asked)) : "–",
                "\(Figure.grouped(span[.calls])) calls of results that needed one"
            ),
            Document.figure(
                "turned away",
                Figure.grouped(span[.throttled]),
                "HTTP 429; and \(Figure.grouped(span[.serverErrors])) with HTTP 5xx, as the last answer"
            ),
            Document.figure(
                "no verdict",
                Figure.grouped(span[.failed]),
                "\(Figure.grouped(span[.upstreamUnavailable])) unavailable, \(Figure.grouped(span[.outcomeUnknown])) unknown, "
                    + "\(Figure.grouped(span[.unexpectedAnswer])) unexpected",
                style: span[.failed] > 0 ? "warn" : ""
            ),
        ]
        return "<div class=\"figures\">\(boxes)</div>"
    }

    private static func state(_ span: History.Span, asked: Int) -> (words: String, detail: String, style: String) {
        if span[.upstreamHalted] > 0 { return ("refuses us", "the key or the account is not accepted", "bad") }
        guard asked > 0 else { return ("not known", "no result of these minutes needed a call", "") }
        let lost = Double(span[.upstreamUnavailable] + span[.outcomeUnknown]) / Double(asked)
        if lost > 0.5 {
            return ("does not answer", "\(Figure.percent(lost)) of the results could not have its word", "bad")
        }
        if lost > 0 || span[.unexpectedAnswer] + span[.throttled] > 0 {
            return ("answers with trouble", "\(Figure.percent(lost)) of the results could not have its word", "warn")
        }
        return ("answers", "\(Figure.grouped(asked)) results had its word", "good")
    }
}
