/// The page at `/runbook`: the article `Operations`, which is built into the program, with a place for each alert.
package enum Runbook {
    /// Sections that a finding leads to, by their titles.
    package enum Section: String, CaseIterable, Sendable {
        case answersFail = "answers fail"
        case answersExpire = "answers expire"
        case answersSlow = "answers slow"
        case backlog
        case commandsInvalid = "commands invalid"
        case guessing
        case answersInDoubt = "answers in doubt"
        case upstreamHalted = "upstream halted"
        case upstreamFails = "upstream fails"
        case upstreamSlow = "upstream slow"
        case upstreamThrottles = "upstream throttles"
        case fleetGone = "fleet gone"
        case down
        case partitionParked = "partition parked"
        case recordsUndecodable = "records undecodable"
    }

    /// The section's place on the page.
    package static func anchor(_ section: String) -> String {
        section.lowercased().replacing(" ", with: "-").filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
    }

    package static let page = Document.page(title: "runbook", body: "<article>\(Markdown.html(text))</article>")

    /// The article as it is written.
    package static let text = String(decoding: PackageResources.Operations_md, as: UTF8.self)
}
