/// The page at `/runbook`: the article `Operations`, which is built into the program, with a place for each alert.
package enum Runbook {
    /// The section's place on the page.
    package static func anchor(_ section: String) -> String {
        section.lowercased().replacing(" ", with: "-").filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
    }

    package static let page = Document.page(title: "runbook", body: "<article>\(Markdown.html(text))</article>")

    /// The article as it is written.
    package static let text = String(decoding: PackageResources.Operations_md, as: UTF8.self)
}
