import ArgumentParser
import OTPContract
import Testing

@testable import otp_worker

/// From when to when a command reads.
struct TimeRangeTests {
    @Test func itHoldsItsBeginningAndNotItsEnd() throws {
        let range = try TimeRange.parse(["--since", "2026-11-23T10:00:00Z", "--until", "2026-11-23T11:00:00Z"])
        let (since, until) = try (#require(range.bounds.since), #require(range.bounds.until))
        #expect(until.milliseconds - since.milliseconds == 3_600_000)
        #expect(range.bounds.contains(since) && !range.bounds.contains(until))
        #expect(!range.bounds.contains(WallTime(milliseconds: since.milliseconds - 1)))
        #expect(try TimeRange.parse([]).bounds.contains(WallTime(milliseconds: 0)))
    }

    @Test(arguments: [["--since", "yesterday"], ["--until", "1"], ["--since", "1h", "--until", "2h"]])
    func whatIsNoRangeIsRefused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try TimeRange.parse(arguments) }
    }
}
