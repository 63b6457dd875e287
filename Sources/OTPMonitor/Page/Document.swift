import OTPContract

/// What all pages have: head, navigation, the pieces that tables and figures are made of.
package enum Document {
    /// Nothing is loaded from elsewhere, framed or sent elsewhere; only this server's own script and style run.
    package static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
        base-uri 'none'; frame-ancestors 'none'
        """

    /// Without a script a live page loads itself again every five seconds.
    package static func page(title: String, isLive: Bool = false, body: HTML) -> HTML {
        let refresh: HTML = isLive ? "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>" : ""
        let script: HTML = isLive ? "<script src=\"script.js\" defer></script>" : ""
        let verdict: HTML = isLive ? "<p id=\"verdict\" role=\"status\"></p>" : ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title) · otp-worker monitor</title>
            <link rel="icon" href="icon.svg" type="image/svg+xml">
            <link rel="stylesheet" href="style.css">
            \(refresh)\(script)
            </head>
            <body>
            <a class="skip" href="#main">To the content</a>
            <header><h1><a href=".">otp-worker monitor</a> <span>\(title)</span></h1>\(verdict)
            <nav><a href=".">Fleet</a><a href="session">Session</a><a href="runbook">Runbook</a></nav></header>
            <main id="main" tabindex="-1">\(body)</main>
            <footer>It reads and changes nothing. Times are UTC; phone numbers and codes are never shown.</footer>
            </body>
            </html>

            """
    }

    package static let search: HTML = search(for: "")

    package static func search(for session: String) -> HTML {
        """
        <form action="session" method="get" role="search"><label for="id">Session</label>\
        <input id="id" name="id" value="\(session)" maxlength="256" autocomplete="off" spellcheck="false" required>\
        <button>Find</button></form>
        """
    }

    static func mark(_ words: String, _ style: String) -> HTML { "<span class=\"mark \(style)\">\(words)</span>" }

    static func figure(_ name: String, _ value: String, _ detail: String, style: String = "") -> HTML {
        "<dl class=\"figure \(style)\"><dt>\(name)</dt><dd>\(value)<small>\(detail)</small></dd></dl>"
    }

    /// A table that scrolls by itself where it is wider than the page, by keys too.
    static func table(_ titles: [String], _ rows: [HTML]) -> HTML {
        let heads = titles.map { title -> HTML in "<th scope=\"col\">\(title)</th>" }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="Table: \(titles.joined(separator: ", "))"><table>\
            <thead><tr>\(heads)</tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    /// A session with a link to all that is known of it; one that is a phone number is masked and has none.
    static func session(_ session: SessionID?) -> HTML {
        guard let session else { return "–" }
        guard session.isShownWhole else { return "\(session.shown)" }
        return "<a href=\"session?id=\(HTML.encoded(session.text))\">\(session.text)</a>"
    }
}
