import ArgumentParser
import OTPContract

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The flags by which a command that reads topics says from when to when.
struct TimeRange: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("From this time on: ISO 8601, or how long ago (30m, 24h).", valueName: "time")
    )
    var since: String?

    @Option(name: .long, help: ArgumentHelp("Before this time; as --since.", valueName: "time"))
    var until: String?

    func validate() throws {
        for (flag, text) in [("--since", since), ("--until", until)] {
            guard let text, AuditArguments.time(text, now: WallTime(milliseconds: 0)) == nil else { continue }
            throw ValidationError("\(flag): write a time such as 2026-11-23T10:00:00Z, or how long ago, such as 30m.")
        }
        if let since = bounds.since, let until = bounds.until, since >= until {
            throw ValidationError("--since is not before --until.")
        }
    }

    /// Two moments; nil where none is given.
    struct Bounds: Sendable {
        var since: WallTime?
        var until: WallTime?

        func contains(_ time: WallTime) -> Bool {
            since.map { time >= $0 } ?? true && until.map { time < $0 } ?? true
        }
    }

    /// The two moments, as of now.
    var bounds: Bounds {
        let now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        return Bounds(
            since: since.flatMap { AuditArguments.time($0, now: now) },
            until: until.flatMap { AuditArguments.time($0, now: now) }
        )
    }
}
