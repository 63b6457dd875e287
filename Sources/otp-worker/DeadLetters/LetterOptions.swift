import ArgumentParser
import Contract

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The flags by which the commands about dead letters say which are meant.
struct LetterOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("Only this reason, such as field_user_gsm; may be repeated.", valueName: "reason")
    )
    var reason: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Written from this time on: ISO 8601, or how long ago (30m, 24h).", valueName: "time")
    )
    var since: String?

    @Option(name: .long, help: ArgumentHelp("Written before this time; as --since.", valueName: "time"))
    var until: String?

    @Option(
        name: .long,
        help: ArgumentHelp("About this command, topic/partition/offset; may be repeated.", valueName: "place")
    )
    var source: [String] = []

    func validate() throws {
        for name in reason where InvalidReason(rawValue: name) == nil {
            let known = InvalidReason.all.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--reason: \(name) is none of \(known).")
        }
        for (flag, text) in [("--since", since), ("--until", until)] {
            guard let text, AuditArguments.time(text, now: WallTime(milliseconds: 0)) == nil else { continue }
            throw ValidationError("\(flag): write a time such as 2026-11-23T10:00:00Z, or how long ago, such as 30m.")
        }
        for place in source where Coordinates(parsing: place) == nil {
            throw ValidationError("--source: write topic/partition/offset, such as otp.verify.commands/3/42.")
        }
    }

    var filter: LetterFilter {
        let now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        var filter = LetterFilter()
        filter.reasons = Set(reason.compactMap(InvalidReason.init))
        filter.since = since.flatMap { AuditArguments.time($0, now: now) }
        filter.until = until.flatMap { AuditArguments.time($0, now: now) }
        filter.sources = Set(source.compactMap { Coordinates(parsing: $0) })
        return filter
    }
}
