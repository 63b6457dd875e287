/// Which headers of a record are taken into memory, each once and bounded.
///
/// A record has room for as many headers as it has bytes, and a batch of such records compresses to nothing: what nobody reads is
/// not copied.
package struct HeaderSelection: Equatable, Sendable {
    package struct Rule: Equatable, Sendable {
        package enum Occurrence: Sendable {
            case first
            case last
        }

        /// Bytes of a value that are looked at.
        package static let judgedBytes = 257

        package var name: String
        /// Which one counts where the name occurs several times.
        package var occurrence: Occurrence
        /// Bytes of the value.
        package var maximumBytes: Int
        /// A longer value is cut where only its beginning matters, and otherwise left out: no byte of a header is changed that
        /// is sent on.
        package var isCut: Bool
        /// Of HTTP's names, which libraries write in any case.
        package var isOfAnyCase = false

        package init(_ name: String, _ occurrence: Occurrence, maximumBytes: Int, isCut: Bool) {
            self.name = name
            self.occurrence = occurrence
            self.maximumBytes = maximumBytes
            self.isCut = isCut
        }

        /// The part of a value that is taken; nil for none.
        package func bytesKept(of count: Int) -> Int? {
            count <= maximumBytes ? count : isCut ? maximumBytes : nil
        }
    }

    package var rules: [Rule]

    package init(_ rules: [Rule]) { self.rules = rules }

    /// What a command's result, its trace and its dead letter carry on, and what says how to read it and where to answer.
    ///
    /// A value that is longer than any that is meant stays recognisable as such.
    package static let ofCommand = HeaderSelection(
        // A reader of the result looks at the last correlation id, and a tracer at the first context.
        EchoHeaders.names.map {
            Rule($0, $0.hasPrefix("trace") ? .first : .last, maximumBytes: EchoHeaders.maximumBytes, isCut: false)
        }
            + CloudEvent.traceHeaders.map { Rule($0, .last, maximumBytes: EchoHeaders.maximumBytes, isCut: false) }
            // A topic's longest name, a partition and an offset.
            + [Rule(DeadLetter.replayOfHeader, .last, maximumBytes: 512, isCut: false)]
            + [Rule(DeadLetter.replayProofHeader, .last, maximumBytes: ReplayMark.proofLength, isCut: false)]
            + (CloudEvent.judgedHeaders + ReplyAddress.headers + [DeadLetter.replayCountHeader]).map {
                var rule = Rule($0, .last, maximumBytes: Rule.judgedBytes, isCut: true)
                rule.isOfAnyCase = $0 == CloudEvent.typeHeader
                return rule
            }
    )
}
