/// The page at `/`: what `/ready` and `/status` say, for people.
///
/// One document without anything from elsewhere. Its own script reads both again every two seconds and writes text, never markup;
/// without scripts the page shows them as they are.
enum HomePage {
    /// The whole document.
    ///
    /// - Parameters:
    ///   - ready: the body of `/ready`.
    ///   - status: the body of `/status`.
    ///   - nonce: what the page's own style and script show to be let in; never used twice.
    /// - Returns: UTF-8.
    static func html(ready: [UInt8], status: [UInt8], nonce: String) -> [UInt8] {
        var html = template.replacing("{nonce}", with: nonce)
        html = html.replacing("{ready}", with: escaped(ready)).replacing("{status}", with: escaped(status))
        return Array(html.utf8)
    }

    /// Nothing is loaded, sent or framed; only this page's own style and script run, and they may ask this server alone.
    static func policy(nonce: String) -> String {
        """
        default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """
    }

    /// 128 random bits.
    static func nonce() -> String {
        let bits = [UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)]
        return bits.map { String($0, radix: 16) }.joined(separator: "x")
    }

    private static func escaped(_ text: [UInt8]) -> String {
        String(decoding: text, as: UTF8.self)
            .replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    private static let template = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>otp-worker</title>
        <style nonce="{nonce}">\(style)</style>
        <noscript>
        <meta http-equiv="refresh" content="5">
        <style nonce="{nonce}">section { display: none } #verdict { display: none }</style>
        </noscript>
        </head>
        <body>
        <header>
          <h1>otp-worker <span id="worker"></span></h1>
          <p id="verdict" role="status">…</p>
        </header>
        <main>
          <section id="figures" aria-label="Figures"></section>
          <section aria-labelledby="conditions-title">
            <h2 id="conditions-title">Readiness</h2>
            <ul id="conditions"></ul>
          </section>
          <section aria-labelledby="partitions-title">
            <h2 id="partitions-title">Partitions</h2>
            <div class="scroll" id="table"><table>
              <thead><tr>
                <th scope="col">partition<th scope="col">phase<th scope="col">committed<th scope="col">end<th scope="col">lag\
        <th scope="col">commands<th scope="col">sessions<th scope="col">in doubt
              <tbody id="partitions"></tbody>
            </table></div>
            <p id="no-partitions" hidden>None is assigned to this worker.</p>
          </section>
          <noscript>
            <h2>As this worker says it</h2>
            <pre>{ready}</pre>
            <pre>{status}</pre>
          </noscript>
        </main>
        <footer>
          <span id="version"></span>
          <nav><a href="ready">/ready</a> <a href="status">/status</a> <a href="metrics">/metrics</a> <a href="live">/live</a></nav>
        </footer>
        <script nonce="{nonce}">\(script)</script>
        </body>
        </html>

        """

    private static let style = """

        :root { --page: #f6f7f9; --card: #fff; --line: #dfe3e8; --text: #17202a; --quiet: #5c6773;
          --good: #12703f; --good-back: #e2f4ea; --bad: #b3261e; --bad-back: #fce8e6; --warn: #8a5300; --warn-back: #fdf0d9 }
        @media (prefers-color-scheme: dark) {
          :root { --page: #0f1419; --card: #182028; --line: #2b3640; --text: #e6ebf0; --quiet: #94a1ae;
            --good: #6fd39b; --good-back: #12301f; --bad: #ff9c92; --bad-back: #3b1714; --warn: #f2bd62; --warn-back: #33260e } }
        * { box-sizing: border-box; margin: 0 }
        body { background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; max-width: 68rem;
          margin: 0 auto; padding: 2rem 1.25rem; font-variant-numeric: tabular-nums }
        header, footer { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between }
        h1 { font-size: 1.35rem; font-weight: 650 } h1 span { color: var(--quiet); font-weight: 400 }
        h2 { font-size: .8rem; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; color: var(--quiet);
          margin: 2rem 0 .6rem }
        #verdict, .mark { border-radius: 99px; font-weight: 600; white-space: nowrap }
        #verdict { padding: .3rem .95rem; background: var(--card); border: 1px solid var(--line) }
        .mark { font-size: .8rem; padding: .1rem .6rem; min-width: 5.2rem; text-align: center }
        .good { color: var(--good); background: var(--good-back) !important; border-color: transparent !important }
        .bad { color: var(--bad); background: var(--bad-back) !important; border-color: transparent !important }
        .warn { color: var(--warn); background: var(--warn-back) !important; border-color: transparent !important }
        #figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .75rem; margin-top: 1.5rem }
        .figure, ul, .scroll { background: var(--card); border: 1px solid var(--line); border-radius: .7rem }
        .figure { padding: .75rem 1rem } .figure dt { color: var(--quiet); font-size: .82rem }
        .figure dd { font-size: 1.3rem; font-weight: 600; line-height: 1.35 }
        .figure small { display: block; color: var(--quiet); font-size: .82rem; font-weight: 400; overflow-wrap: anywhere }
        ul { list-style: none; padding: 0 }
        li { display: flex; gap: .8rem; align-items: baseline; padding: .45rem 1rem; overflow-wrap: anywhere }
        li + li, tr + tr td, tbody tr:first-child td { border-top: 1px solid var(--line) }
        li b { font-weight: 600; min-width: 7.5rem } li small { color: var(--quiet); font-size: .9rem }
        .scroll { overflow-x: auto }
        table { width: 100%; border-collapse: collapse } th, td { padding: .45rem 1rem; text-align: right; white-space: nowrap }
        th { color: var(--quiet); font-size: .82rem; font-weight: 500 } td:nth-child(2), th:nth-child(2) { text-align: left }
        pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; margin-bottom: 1rem }
        footer { margin-top: 2rem; color: var(--quiet); font-size: .85rem } a { color: inherit; margin-left: .8rem }
        #no-partitions { color: var(--quiet) }
        .stale main { opacity: .5 }

        """
}
