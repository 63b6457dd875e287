import OTPContract

/// The page at `/session`: what the monitor has seen of one session.
package enum SessionPage {
    /// The status of the answer, and the page.
    package static func page(_ query: String?, _ monitor: FleetMonitor) -> (isFound: Bool, html: HTML) {
        guard let query, !query.isEmpty else {
            return (true, document("", "<p class=\"note\">Write a session as its commands have it.</p>"))
        }
        guard let session = SessionID(query) else {
            return (
                false, document("", "<p class=\"note\">A session has 1 to 256 bytes and no control characters.</p>")
            )
        }
        guard let line = SessionLine(of: session, in: monitor) else {
            let elsewhere: HTML = """
                <p class="note">Of \(session.shown) nothing is remembered here. <code>otp-worker explain</code> reads the topics \
                themselves.</p>
                """
            return (false, document(session.shown, elsewhere))
        }
        let rows = line.entries.map { entry -> HTML in
            """
            <tr><td>\(Figure.clock(entry.time))</td><td>\(Document.mark(entry.kind, entry.isTroubled ? "warn" : ""))</td>\
            <td>\(entry.command)</td><td class="text">\(entry.text)</td></tr>
            """
        }
        let found: HTML = """
            <h2 class="plain">\(session.shown): \(line.summary)</h2>\(Document.table(["time", "what", "command", "how"], rows))\
            <p class="note">As results and dead letters told it since the monitor began; <code>otp-worker explain</code> reads \
            commands and ledger too.</p>
            """
        return (true, document(session.shown, found))
    }

    private static func document(_ session: String, _ body: HTML) -> HTML {
        Document.page(title: "session", body: "<section>\(Document.search(for: session))\(body)</section>")
    }
}
