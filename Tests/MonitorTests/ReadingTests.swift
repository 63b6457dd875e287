import OTPContract
import OTPMonitor
import Testing

/// Whether the monitor knows that it is blind, and in which eye.
struct ReadingTests {
    @Test func nothingIsReadBeforeTheReadersSaySo() {
        let story = Story()
        #expect(story.problems["results"] == ["results is not read yet"])
        #expect(story.problems["dead_letters"] == ["letters is not read yet"])
        #expect(story.problems["cluster"] == ["lag and group are not known yet"])
        #expect(!story.monitor.readiness(at: story.now).isReady)
    }

    @Test func aReaderThatIsStuckIsNamed() {
        var story = Story()
        story.isWell()
        story.pass(.seconds(16))
        #expect(story.problems["results"] == ["the reader of results is stuck: nothing was heard of it for 16 s"])
        #expect(story.problems["cluster"] == ["nothing was heard of lag and group for 16 s"])
    }

    @Test func aReaderThatCannotReadSaysSinceWhen() {
        var story = Story()
        story.isWell()
        story.tell(.turned(.results, reached: [:], trouble: "read: _TRANSPORT"), .silent(reason: "no broker"))
        story.pass(.seconds(4))
        story.tell(.turned(.results, reached: [:], trouble: "read: _TIMED_OUT"), .silent(reason: "still none"))
        #expect(story.problems["results"] == ["results cannot be read for 4 s: read: _TIMED_OUT"])
        #expect(story.problems["cluster"] == ["no answer from the cluster for 4 s: still none"])
        story.isWell()
        #expect(story.problems == [:])
    }

    @Test func aPartitionThatStandsStillBeforeItsEndIsNamed() {
        var story = Story()
        for second in 0...20 {
            story.isHeard()
            // Partition 0 is read as it grows, partition 1 stays at 5, partition 2 has nothing.
            let reached: [Int32: Int64] = [0: Int64(second), 1: 5, 2: 0]
            story.tell(
                .turned(.results, reached: reached, trouble: nil),
                .ends(.results, [0: Int64(second) + 3, 1: 9, 2: 0], unknown: [:])
            )
            if second == 15 { #expect(story.problems == [:]) }
            story.pass(.seconds(1))
        }
        #expect(
            story.problems == ["results": ["partition 1 of results is not read: at 5 for 21 s, though more lies there"]]
        )
        story.tell(.turned(.results, reached: [1: 9], trouble: nil), .ends(.results, [1: 9], unknown: [:]))
        #expect(story.problems == [:])
    }

    @Test func aPartitionWithoutALeaderIsNamed() {
        var story = Story()
        for _ in 0..<10 {
            story.isHeard()
            story.tell(.ends(.letters, [0: 1], unknown: [4: "watermarks: LEADER_NOT_AVAILABLE"]))
            story.pass(.seconds(2))
        }
        let said = "partition 4 of letters has told nothing for 20 s: watermarks: LEADER_NOT_AVAILABLE"
        #expect(story.problems == ["dead_letters": [said]])
    }

    @Test func manyPartitionsAreCounted() {
        var story = Story()
        let ends = Dictionary(uniqueKeysWithValues: (0..<20).map { (Int32($0), Int64(1)) })
        story.isWell()
        story.tell(.turned(.results, reached: [:], trouble: nil), .ends(.results, ends, unknown: [:]))
        story.pass(.seconds(16))
        story.tell(.turned(.results, reached: [:], trouble: nil))
        let problems = story.problems["results"] ?? []
        #expect(problems.count == 9 && problems.last == "and 12 partitions more")
    }

    @Test func readinessSaysWhich() {
        var story = Story()
        story.isWell()
        story.tell(.credentials(trouble: "the file has gone"))
        let (isReady, body) = story.monitor.readiness(at: story.now)
        #expect(isReady)
        #expect(String(decoding: body, as: UTF8.self).contains(#""advisory":true,"detail":"the file has gone""#))
        story.tell(.lag(.refused(reason: "not allowed")), .group(.refused(reason: "not allowed")))
        #expect(story.problems["cluster"]?.count == 2 && !story.monitor.readiness(at: story.now).isReady)
    }
}
