import ArgumentParser
import OTPContract

/// The flags by which the commands about dead letters say which are meant.
struct LetterOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("Only this reason, such as field_user_gsm; may be repeated.", valueName: "reason")
    )
    var reason: [String] = []

    @OptionGroup var range: TimeRange

    @Option(
        name: .long,
        help: ArgumentHelp(
            "About this command, topic/partition/offset; may be repeated.",
            valueName: "topic/partition/offset"
        )
    )
    var source: [String] = []

    func validate() throws {
        for name in reason where InvalidReason(rawValue: name) == nil {
            let known = InvalidReason.all.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--reason: \(name) is none of \(known).")
        }
        for text in source where Coordinates(parsing: text) == nil {
            throw ValidationError("--source: write topic/partition/offset, such as otp.verify.commands/3/42.")
        }
    }

    var filter: LetterFilter {
        var filter = LetterFilter()
        filter.since = range.bounds.since
        filter.until = range.bounds.until
        filter.reasons = Set(reason.compactMap(InvalidReason.init))
        filter.sources = Set(source.compactMap { Coordinates(parsing: $0) })
        return filter
    }
}
