import OTPWorker
import Testing

/// The small texts: durations and suggestions.
struct TextTests {
    @Test(arguments: [
        ("20ms", Duration.milliseconds(20)), ("10s", .seconds(10)), ("5m", .seconds(300)), ("2h", .seconds(7_200)),
        ("7d", .seconds(604_800)), ("0s", .zero), ("0ms", .zero),
    ])
    func aDurationIsRead(_ text: String, _ duration: Duration) {
        #expect(DurationText.parse(text) == duration)
    }

    @Test(arguments: [
        "", "10", "s", "1.5s", "-1s", "10 s", "10S", "10sec", "٣s", "99999999999999999999s", "9223372036854775807d",
    ])
    func anythingElseIsRefused(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: ["1ms", "1500ms", "1s", "90s", "2m", "36h", "7d", "0ms"])
    func itIsWrittenAsItIsRead(_ text: String) {
        #expect(DurationText.parse(text).map(DurationText.format) == text)
    }

    @Test func theLargestUnitThatLosesNothingIsWritten() {
        #expect(DurationText.format(.seconds(3_600)) == "1h")
        #expect(DurationText.format(.milliseconds(61_000)) == "61s")
        #expect(DurationText.format(.milliseconds(1_001)) == "1001ms")
    }

    @Test func aSlipOfTheFingerIsUnderstood() {
        let known = ["kafka.brokers", "kafka.group_id", "topics.results"]
        #expect(Suggestion.nearest(to: "kafka.borkers", among: known) == "kafka.brokers")
        #expect(Suggestion.nearest(to: "kafka.groupid", among: known) == "kafka.group_id")
        #expect(Suggestion.nearest(to: "topic.result", among: known) == "topics.results")
        #expect(Suggestion.nearest(to: "ledger.retention", among: known) == nil)
        #expect(Suggestion.nearest(to: "x", among: []) == nil)
        #expect(Suggestion.nearest(to: "abcd", among: ["abxx", "acbd"]) == "acbd", "two letters swapped are one slip")
    }
}
