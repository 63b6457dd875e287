import OTPContract
import Testing
import otp_worker

/// What people write to say when and which partitions, and what they see meanwhile.
struct AuditArgumentsTests {
    private let now = WallTime(milliseconds: 10_000_000)

    @Test func aTimeIsAMomentOrHowLongAgo() {
        #expect(AuditArguments.time("1970-01-01T01:00:00+01:00", now: now) == WallTime(milliseconds: 0))
        #expect(AuditArguments.time("30m", now: now) == WallTime(milliseconds: 10_000_000 - 1_800_000))
        #expect(AuditArguments.time("500ms", now: now) == WallTime(milliseconds: 9_999_500))
        for text in ["", "yesterday", "30", "2026-11-23T10:00:00"] {
            #expect(AuditArguments.time(text, now: now) == nil)
        }
    }

    @Test func partitionsAreNumbersAndRanges() {
        #expect(AuditArguments.partitions("3,0-1,1") == [0, 1, 3])
        for text in ["", "a", "3-1", "1-2-3", "-1", "1,", "0-99999999999"] {
            #expect(AuditArguments.partitions(text) == nil, "\(text)")
        }
    }

    @Test func progressIsShareAndTimeLeft() {
        let half = ProgressBar.line(50, of: 100, after: .seconds(10), "5 records")
        #expect(
            half == String(repeating: "█", count: 15) + String(repeating: "░", count: 15)
                + " 50 %  5 records  10 s left"
        )
        #expect(ProgressBar.line(0, of: 0, after: .zero, "").contains(" 0 % "))
    }
}
