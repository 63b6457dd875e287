import OTPContract

/// The tables of the page.
extension Overview {
    var workers: HTML {
        let view = monitor.view
        var members: [String] = []
        let group: HTML
        switch monitor.group {
        case .unknown: group = "The group \(view.group) is not known yet."
        case .refused: group = "The cluster does not tell who is in the group \(view.group)."
        case .known(let state, let names, _):
            members = names
            group = "The group \(view.group) is \(state.lowercased()) and has \(names.count) members."
        }
        let names = Set(view.workers.keys).union(members).sorted()
        guard !names.isEmpty else { return "<p class=\"note\">\(group) No result has told of a worker.</p>" }
        let rows = names.map { row($0) }
        let table = Document.table(
            ["worker", "group", "per s", "in all", "failed", "in doubt", "p50", "p99", "last result"],
            rows
        )
        return "<p class=\"note\">\(group)</p>\(table)"
    }

    private func row(_ name: String) -> HTML {
        let standing: HTML =
            switch monitor.standing(of: name, at: now) {
            case .unknown: Document.mark("not known", "")
            case .member: Document.mark("member", "good")
            case .missing: Document.mark("not in it", "bad")
            case .silent: Document.mark("silent", "warn")
            }
        guard let worker = monitor.view.workers[name] else {
            return "<tr><th scope=\"row\">\(name)</th><td>\(standing)</td><td colspan=\"7\">no result yet</td></tr>"
        }
        let recent = worker.latency.lastMinute(at: second)
        let silence = (now.elapsed - worker.lastSeen).components.seconds
        return """
            <tr><th scope="row">\(name)</th><td>\(standing)</td><td>\(Figure.rate(worker.rate.rate(last: 10, at: second)))</td>\
            <td>\(Figure.grouped(worker.rate.total))</td><td>\(Figure.grouped(worker.failed))</td>\
            <td>\(Figure.grouped(worker.inDoubt))</td><td>\(quantile(recent, 0.5))</td><td>\(quantile(recent, 0.99))</td>\
            <td>\(Figure.ago(silence))</td></tr>
            """
    }

    var partitions: HTML {
        var lags: [Int32: Int64] = [:]
        var note: HTML = ""
        switch monitor.view.lag {
        case .unknown: note = "<p class=\"note\">The lag is not known yet.</p>"
        case .refused(let reason): note = "<p class=\"note\">The lag is not known: \(reason)</p>"
        case .known(let known): lags = known
        }
        let seen = monitor.view.partitions.keys.filter { $0 != FleetView.otherPartitions }
        let numbers = Set(seen).union(lags.keys).sorted()
        guard !numbers.isEmpty else { return note }
        // Where there is no room for all, those in which commands wait.
        let listed =
            numbers.count <= Bounds.partitions
            ? numbers
            : Array(numbers.sorted { (lags[$0] ?? 0, $1) > (lags[$1] ?? 0, $0) }.prefix(Bounds.partitions)).sorted()
        if listed.count < numbers.count {
            note =
                "<p class=\"note\">\(listed.count) of \(numbers.count) partitions, those in which the most commands wait.</p>"
        }
        let most = max(1, lags.values.max() ?? 0)
        var owners: [Int32: String] = [:]
        if case .known(_, _, let known) = monitor.group { owners = known }
        let cells = listed.map { number -> HTML in
            let rate = monitor.view.partitions[number]?.rate(last: 10, at: second) ?? 0
            let lag = lags[number]
            let isLate = monitor.waitingSince[number].map { now.elapsed - $0 > .seconds(30) } ?? false
            let style: HTML = isLate ? " class=\"warn\"" : ""
            let owner = owners[number].map { name -> HTML in "<span class=\"owner\">\(name)</span>" } ?? ""
            return """
                <li\(style)><b>\(number)</b><span>\(Figure.rate(rate))/s</span>\
                <span>\(lag.map { Figure.grouped(Int(clamping: $0)) } ?? "–") wait</span>\
                <meter min="0" max="\(most)" value="\(lag ?? 0)" aria-label="lag of partition \(number)"></meter>\(owner)</li>
                """
        }
        return "\(note)<ul class=\"partitions\">\(cells)</ul>"
    }

    var troubled: HTML {
        let newest = monitor.troubled.newest(Bounds.rows)
        guard !newest.isEmpty else { return "<p class=\"note\">None that is remembered.</p>" }
        let rows = newest.map { result -> HTML in
            var notes: [String] = []
            if result.inDoubt { notes.append("in doubt") }
            if result.replayed { notes.append("replayed") }
            if result.retryable { notes.append("retryable") }
            return """
                <tr><td>\(Figure.clock(result.completedAt))</td><td>\(Document.session(result.session))</td>\
                <td>\(Document.mark(result.status.rawValue, result.status == .failed ? "bad" : "warn"))</td>\
                <td>\(result.reason.rawValue)</td><td>\(notes.joined(separator: ", "))</td><td>\(Int(result.calls))</td>\
                <td>\(Figure.time(result.milliseconds))</td><td>\(SessionLine.coordinates(result.partition, result.offset))</td>\
                <td>\(result.worker)</td></tr>
                """
        }
        let titles = ["time", "session", "status", "reason", "note", "calls", "took", "command", "worker"]
        return Document.table(titles, rows)
    }

    var letters: HTML {
        let all = monitor.letters.newest(monitor.letters.count)
        guard !all.isEmpty else { return "<p class=\"note\">None that is remembered.</p>" }
        let counts = Dictionary(grouping: all, by: \.reason.rawValue).mapValues(\.count)
            .sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        let reasons = counts.map { reason, count -> HTML in "<li><b>\(Figure.grouped(count))</b> \(reason)</li>" }
        let rows = all.prefix(Bounds.rows).map { letter -> HTML in
            """
            <tr><td>\(Figure.clock(letter.time))</td><td>\(letter.reason.rawValue)</td>\
            <td>\(SessionLine.coordinates(letter.partition, letter.offset))</td><td>\(Int(letter.replays))</td></tr>
            """
        }
        let table = Document.table(["written", "reason", "command", "replayed"], Array(rows))
        return "<ul class=\"reasons\">\(reasons)</ul>\(table)"
    }
}
