import OTPContract
import Testing

@testable import OTPVerifyClient

/// Elements on their way to anyone who iterates.
@Suite(.timeLimit(.minutes(1))) struct MailboxTests {
    private func mailbox(_ elements: Int..., count: Int = 10, bytes: Int = 1_000) -> Mailbox<Int> {
        let mailbox = Mailbox<Int>(maximumCount: count, maximumBytes: bytes)
        for element in elements { mailbox.put(element, bytes: 10) }
        return mailbox
    }

    @Test func theyComeInTheirOrderAndThenNothing() async {
        let mailbox = mailbox(1, 2)
        mailbox.finish()
        #expect(await mailbox.next() == 1)
        #expect(await mailbox.next() == 2)
        #expect(await mailbox.next() == nil)
    }

    @Test func nothingIsTakenAfterTheEnd() async {
        let mailbox = mailbox()
        mailbox.finish()
        #expect(mailbox.put(1, bytes: 10))
        #expect(await mailbox.next() == nil)
    }

    @Test func theOldestMakeRoomByCountAndAreCounted() async {
        let mailbox = mailbox(1, 2, count: 2)
        #expect(mailbox.dropped == 0)
        #expect(!mailbox.put(3, bytes: 10))
        #expect(mailbox.dropped == 1)
        #expect(await mailbox.next() == 2)
        #expect(mailbox.put(4, bytes: 10))
    }

    @Test func theOldestMakeRoomByBytes() async {
        let mailbox = mailbox(1, 2, 3, bytes: 30)
        #expect(!mailbox.put(4, bytes: 20))
        #expect(mailbox.dropped == 2)
        #expect(await mailbox.next() == 3)
        #expect(await mailbox.next() == 4)
        // Room is given back.
        #expect(mailbox.put(5, bytes: 30))
        #expect(mailbox.dropped == 2)
    }

    @Test func whoWaitsGetsWhatComes() async {
        let mailbox = mailbox()
        async let first = mailbox.next()
        // Whether it comes before or after the waiting, it arrives.
        mailbox.put(7, bytes: 10)
        #expect(await first == 7)
    }

    @Test func theEndReachesAllWhoWait() async {
        let mailbox = mailbox()
        async let first = mailbox.next()
        async let second = mailbox.next()
        mailbox.finish()
        let both = await [first, second]
        #expect(both == [nil, nil])
    }

    @Test func aCancelledTaskWaitsNoLongerAndTakesNothing() async {
        let mailbox = mailbox()
        let waiting = Task { await mailbox.next() }
        waiting.cancel()
        #expect(await waiting.value == nil)
        mailbox.put(1, bytes: 10)
        #expect(await mailbox.next() == 1)
    }

    @Test func lateAnswersAreIterated() async {
        let late = LateAnswers(mailbox: Mailbox(maximumCount: 2, maximumBytes: 10_000))
        for offset in 0..<3 as Range<Int64> {
            let event = Sample.event("c\(offset)", at: Sample.coordinates(offset))
            late.mailbox.put(event, bytes: event.approximateBytes)
        }
        late.mailbox.finish()
        var heard: [String] = []
        for await event in late { heard.append(event.commandID) }
        #expect(heard == ["c1", "c2"])
        #expect(late.mailbox.dropped == 1)
    }
}
