import OTPContract
package import OTPMonitor

/// A ``FleetView`` as lines for a terminal of any size.
package struct FleetText {
    package enum Style: Sendable {
        case plain, title, good, warning, alarm
    }

    package struct Line: Equatable, Sendable {
        package var text: String
        package var style: Style

        package init(_ text: String, _ style: Style = .plain) {
            self.text = text
            self.style = style
        }
    }

    private let view: FleetView
    private let now: Duration
    private let width: Int
    private var second: Int { FleetView.second(now) }

    /// At most `height` lines of at most `width` characters.
    package static func lines(_ view: FleetView, at now: Duration, width: Int, height: Int) -> [Line] {
        let text = FleetText(view: view, now: now, width: max(1, width))
        return text.lines(height: max(1, height)).map { Line(text.cut($0.text), $0.style) }
    }

    private func lines(height: Int) -> [Line] {
        let head = head()
        guard head.count < height else { return Array(head.prefix(height)) }
        let sections = [workers(), partitions(), results("FAILED/DOUBT", view.troubled), results("LAST", view.last)]
        // Of results the last are shown anyway; of the others it is said how many there is no room for.
        let isWhole = [true, true, false, false]
        let rooms = Self.share(height - head.count, among: sections.map { $0.isEmpty ? 0 : $0.count + 1 })
        var lines = head
        for (index, room) in rooms.enumerated() where room > 0 {
            lines.append(Line(""))
            lines +=
                isWhole[index]
                ? Self.fitted(sections[index], into: room - 1) : Array(sections[index].prefix(room - 1))
        }
        return lines
    }

    // MARK: The head

    private func head() -> [Line] {
        let rates = [(1, "now"), (10, "over 10 s"), (60, "over a minute")]
        let speeds = rates.map { "\(Self.rate(view.rate.rate(last: $0.0, at: second))) \($0.1)" }
        let total = "\(Figure.grouped(view.rate.total)) in all"
        var lines = [
            Line(
                widest(
                    "\(view.topic)  \(speeds.joined(separator: ", "))  \(total)",
                    "\(view.topic)  \(speeds[0]), \(speeds[1])  \(total)",
                    "\(view.topic)  \(speeds[0])  \(total)",
                    "\(speeds[0])  \(total)"
                ),
                .title
            )
        ]
        if case .lost(let since, let reason) = view.connection {
            let seconds = FleetView.second(now - since)
            lines.append(Line("no answer from the cluster for \(seconds) s, waiting for it: \(reason)", .alarm))
        }
        lines += outcomes()
        lines.append(latencyLine())
        lines.append(lagLine())
        if view.verifiedAgain > 0 {
            let count = Figure.grouped(view.verifiedAgain)
            lines.append(Line("again       \(count) verified told to further commands: act once per session", .warning))
        }
        if view.unreadable > 0 {
            lines.append(Line("\(Figure.grouped(view.unreadable)) results that this version cannot read", .warning))
        }
        return lines
    }

    private func outcomes() -> [Line] {
        let titles = Status.allCases.map(\.rawValue) + ["in doubt", "replayed"]
        // What needs somebody stays longest where there is little room.
        let worths = [7, 4, 3, 2, 6, 5, 1]
        let columns = zip(titles, worths).map { title, worth in
            TextTable.Column(title, .right, width: 9, least: 8, worth: worth)
        }
        let table = TextTable([.init("", width: 12, least: 11, worth: 8)] + columns).fitted(to: width)
        let windows = view.statuses + [view.inDoubt, view.replayed]
        let minute = windows.map { Figure.grouped($0.count(last: 60, at: second)) }
        return [
            Line(table.header, .title), Line(table.line(["last minute"] + minute)),
            Line(table.line(["in all"] + windows.map { Figure.grouped($0.total) })),
        ]
    }

    private func latencyLine() -> Line {
        let recent = view.latency.lastMinute(at: second)
        guard recent.count > 0 else {
            return Line(widest("took        nothing came in the last minute", "nothing came in the last minute"))
        }
        let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)].map { name, share in
            "\(name) \(Figure.grouped(Int(recent.quantile(share) ?? 0)))"
        }
        let most = "at most \(Figure.grouped(Int(recent.maximum))) ms"
        return Line(
            widest(
                "took        \(quantiles.joined(separator: ", ")), \(most)",
                "took        \(quantiles[0]), \(quantiles[2]), \(most)",
                "took \(quantiles[0]), \(quantiles[2]) ms"
            )
        )
    }

    private func lagLine() -> Line {
        switch view.lag {
        case .unknown: return Line("lag         of \(view.group): not known yet")
        case .refused(let reason): return Line("lag         of \(view.group): not known: \(reason)", .warning)
        case .known(let lags):
            let all = "\(Figure.grouped(Int(lags.values.reduce(0, +)))) in \(lags.count) partitions"
            var most = ""
            if let worst = lags.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }), worst.value > 0 {
                most = ", most in \(worst.key): \(Figure.grouped(Int(worst.value)))"
            }
            return Line(
                widest("lag         of \(view.group): \(all)\(most)", "lag         \(all)\(most)", "lag \(all)")
            )
        }
    }

    // MARK: Sections, each with its titles first

    private func workers() -> [Line] {
        guard !view.workers.isEmpty else { return [] }
        let table = TextTable([
            .init("WORKER", width: 28, least: 12, worth: 8), .init("PER S", .right, width: 8, worth: 7),
            .init("IN ALL", .right, width: 12, least: 8, worth: 3), .init("FAILED", .right, width: 8, worth: 6),
            .init("IN DOUBT", .right, width: 8, worth: 5), .init("P50", .right, width: 7, worth: 1),
            .init("P99 MS", .right, width: 7, worth: 2), .init("SEEN", .right, width: 10, worth: 4),
        ]).fitted(to: width)
        let rows = view.workers.sorted { $0.key < $1.key }.map { name, worker in
            let recent = worker.latency.lastMinute(at: second)
            let silence = FleetView.second(now - worker.lastSeen)
            let cells = [
                name, Self.rate(worker.rate.rate(last: 10, at: second)), Figure.grouped(worker.rate.total),
                Figure.grouped(worker.failed), Figure.grouped(worker.inDoubt),
                recent.quantile(0.5).map { Figure.grouped(Int($0)) } ?? "-",
                recent.quantile(0.99).map { Figure.grouped(Int($0)) } ?? "-",
                silence == 0 ? "now" : "\(silence) s ago",
            ]
            return Line(table.line(cells), silence > 10 ? .warning : .plain)
        }
        return [Line(table.header, .title)] + rows
    }

    /// As many side by side as there is room for.
    private func partitions() -> [Line] {
        var lags: [Int32: Int64] = [:]
        if case .known(let known) = view.lag { lags = known }
        let numbers = Set(view.partitions.keys).union(lags.keys).sorted()
        guard !numbers.isEmpty else { return [] }
        let cells = numbers.map { number in
            let name = number == FleetView.otherPartitions ? "others" : "\(number)"
            let speed = view.partitions[number]?.rate(last: 10, at: second) ?? 0
            let lag = lags[number].map { Figure.grouped(Int($0)) } ?? "-"
            return Self.padded(name, 6) + Self.padded(Self.rate(speed), 10, right: true)
                + Self.padded(lag, 9, right: true)
        }
        let title = Self.padded("PART", 6) + Self.padded("PER S", 10, right: true) + Self.padded("LAG", 9, right: true)
        let columns = min(cells.count, max(1, (width + 4) / (title.count + 4)))
        let rows = stride(from: 0, to: cells.count, by: columns).map { start in
            Line(cells[start..<min(start + columns, cells.count)].joined(separator: "    "))
        }
        return [Line(Array(repeating: title, count: columns).joined(separator: "    "), .title)] + rows
    }

    private func results(_ title: String, _ events: [ResultEvent]) -> [Line] {
        guard !events.isEmpty else { return [] }
        let newest = events.suffix(FleetView.Bounds.results).reversed()
        let table = ResultLine.table(titled: title).fitted(to: width)
        return [Line(table.header, .title)] + newest.map { Line(table.line(ResultLine.cells($0)), Self.style($0)) }
    }

    private static func style(_ event: ResultEvent) -> Style {
        if event.status == .failed { return .alarm }
        if event.inDoubt { return .warning }
        return event.status == .verified ? .good : .plain
    }

    // MARK: Fitting

    /// Divides lines among sections that want so many: none gets more than it wants, what one leaves is the others', and one that
    /// could show nothing but its title gets none.
    package static func share(_ room: Int, among wants: [Int]) -> [Int] {
        var rooms = [Int](repeating: 0, count: wants.count)
        var left = room
        while left > 0 {
            let open = wants.indices.filter { rooms[$0] < wants[$0] }
            guard !open.isEmpty else { break }
            let each = max(1, left / open.count)
            for index in open where left > 0 {
                let more = min(each, wants[index] - rooms[index], left)
                rooms[index] += more
                left -= more
            }
        }
        // A blank line, a title and one row are the least.
        guard let poorest = rooms.lastIndex(where: { (1..<3).contains($0) }) else { return rooms }
        var wants = wants
        wants[poorest] = 0
        return share(room, among: wants)
    }

    private static func fitted(_ section: [Line], into room: Int) -> [Line] {
        guard section.count > room, room > 2 else { return Array(section.prefix(room)) }
        return section.prefix(room - 1) + [Line("and \(section.count - room + 1) more")]
    }

    /// The first of several ways to say something for which there is room; the last where there is none.
    private func widest(_ texts: String...) -> String { texts.first { $0.count <= width } ?? texts[texts.count - 1] }

    private func cut(_ text: String) -> String {
        let shown = text.visible()
        return shown.count <= width ? shown : shown.prefix(width - 1) + "…"
    }

    /// Per second: with a decimal where it is small.
    private static func rate(_ value: Double) -> String {
        guard value < 100 else { return "\(Figure.grouped(Int(value.rounded())))/s" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)/s"
    }

    private static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
        let padding = String(repeating: " ", count: max(0, width - text.count))
        return right ? padding + text : text + padding
    }
}
