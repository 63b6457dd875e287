import OTPKafka
import Testing

@testable import OTPVerifyClient

/// What becomes of a request, from its asking to its answer.
@Suite struct RequestBookTests {
    @Test func nothingLeavesBeforeAnswersAreRead() {
        let play = Play()
        play.ask("a")
        play.ask("b")
        play.listen()
        play.listen()
        play.ask("c")
        #expect(
            play.transcript == [
                "ask a: -", "ask b: -", "listening: send a #0, send b #1", "listening: -", "ask c: send c #2",
            ]
        )
    }

    @Test func aRequestIsAnsweredOnce() {
        let play = Play()
        play.listen()
        play.ask("a")
        play.acknowledge(0, at: 7)
        play.hear("a", at: 7)
        // What the worker publishes twice after a crash.
        play.hear("a", at: 7)
        #expect(
            play.transcript.dropFirst() == [
                "ask a: send a #0", "written #0 at 7: a lies at 7", "hear a of 7: answer a by 7 after 1",
                "hear a of 7: -",
            ]
        )
        #expect(play.book.entries.isEmpty && play.book.inFlight == 0 && play.book.inFlightBytes == 0)
        #expect(play.wake == nil)
    }

    @Test func anAnswerThatIsReadBeforeTheAcknowledgementIsKeptForIt() {
        let play = Play()
        play.listen()
        play.ask("a")
        play.hear("a", at: 7)
        play.acknowledge(0, at: 7)
        #expect(
            play.transcript.dropFirst(2) == [
                "hear a of 7: -", "written #0 at 7: a lies at 7, answer a by 7 after 1",
            ]
        )
    }

    /// Anyone who may write commands can copy an id, and cannot choose where a command lies.
    @Test func aCopiedIDBringsNobodysAnswer() {
        let play = Play()
        play.listen()
        play.ask("a")
        play.hear("a", at: 6)
        play.acknowledge(0, at: 7)
        play.hear("a", at: 8)
        play.hear("other", at: 7)
        #expect(
            play.transcript.dropFirst(2) == [
                "hear a of 6: -", "written #0 at 7: a lies at 7", "hear a of 8: -",
                // The coordinates decide, not the id.
                "hear other of 7: answer a by 7 after 1",
            ]
        )
    }

    @Test func whereTheBrokerDoesNotSayThePlaceTheIDDecides() {
        let play = Play()
        play.listen()
        play.ask("a")
        play.acknowledge(0, at: nil)
        play.hear("b", at: 7)
        play.hear("a", at: 8)
        #expect(
            play.transcript.dropFirst(2) == [
                "written #0 at ?: a lies at ?", "hear b of 7: -", "hear a of 8: answer a by 8 after 1",
            ]
        )
    }

    @Test func aCommandWithoutAnIDIsKnownByItsPlaceAlone() {
        let play = Play()
        play.listen()
        play.ask("a", nameless: true)
        play.hear("whatever", at: 7)
        play.acknowledge(0, at: 7)
        #expect(play.transcript.last == "written #0 at 7: a lies at 7, answer a by 7 after 1")
    }

    @Test func anUnansweredCommandIsWrittenAgainAndEitherRecordsAnswerCounts() {
        let play = Play()
        play.listen()
        play.ask("a", for: .seconds(60))
        play.acknowledge(0, at: 7)
        #expect(play.wake == "8000 ms")
        play.pass(.seconds(8))
        play.acknowledge(1, at: 8)
        play.pass(.seconds(8))
        play.acknowledge(2, at: 9)
        // Three records are the most.
        #expect(play.wake == "44000 ms")
        play.hear("a", at: 8)
        play.hear("a", at: 9)
        #expect(
            play.transcript.dropFirst(3) == [
                "8000 ms later: again a, send a #1", "written #1 at 8: -", "16000 ms later: again a, send a #2",
                "written #2 at 9: -", "hear a of 8: answer a by 8 after 3", "hear a of 9: -",
            ]
        )
    }

    @Test func anAnswerAfterTheDeadlineIsToldAsLateOnce() {
        let play = Play { $0.resendAfter = nil }
        play.listen()
        play.ask("a")
        play.acknowledge(0, at: 7)
        play.pass(.seconds(20))
        #expect(play.book.inFlight == 0 && play.book.rememberedRequests == 1)
        play.pass(.seconds(149))
        play.hear("a", at: 7)
        play.hear("a", at: 7)
        #expect(
            play.transcript.dropFirst(3) == [
                "20000 ms later: fail a timed out, sent", "169000 ms later: -", "hear a of 7: late a", "hear a of 7: -",
            ]
        )
    }

    @Test func whatWasGivenUpIsForgottenAfterTheWindow() {
        let play = Play { $0.resendAfter = nil }
        play.listen()
        play.ask("a")
        play.acknowledge(0, at: 7)
        play.pass(.seconds(20))
        play.pass(.seconds(150))
        play.hear("a", at: 7)
        #expect(play.transcript.suffix(2) == ["170000 ms later: -", "hear a of 7: -"])
        #expect(play.book.entries.isEmpty && play.wake == nil)
    }

    @Test func ofTooManyThatWereGivenUpTheOldestAreForgotten() {
        let play = Play { $0.remembered = 2 }
        play.listen()
        for (index, name) in ["a", "b", "c"].enumerated() {
            play.ask(name)
            play.acknowledge(UInt64(index), at: Int64(index))
            play.giveUp(name)
        }
        for (index, name) in ["a", "b", "c"].enumerated() { play.hear(name, at: Int64(index)) }
        #expect(play.transcript.suffix(3) == ["hear a of 0: -", "hear b of 1: late b", "hear c of 2: late c"])
    }

    // MARK: The producer

    @Test func whatTheProducerGaveUpIsWrittenAgainAfterAPauseThatDoubles() {
        let play = Play()
        play.listen()
        play.ask("a", for: .seconds(60))
        for attempt in 0..<7 as Range<UInt64> {
            play.refuse(attempt, .late)
            let pauses = ["100 ms", "200 ms", "400 ms", "800 ms", "1600 ms", "3200 ms", "3200 ms"]
            #expect(play.wake == pauses[Int(attempt)])
            play.pass(.milliseconds(min(3_200, 100 << attempt)))
        }
        #expect(play.transcript.last == "9500 ms later: again a, send a #7")
    }

    @Test func aRefusalThatWaitingCannotHelpFailsAtOnce() {
        let play = Play()
        play.listen()
        play.ask("a")
        play.refuse(0, .denied)
        #expect(
            play.transcript.last == "refused #0 TOPIC_AUTHORIZATION_FAILED: fail a refused TOPIC_AUTHORIZATION_FAILED"
        )
        #expect(play.book.entries.isEmpty)
    }

    /// The first record may be in the topic: its answer is worth waiting for.
    @Test func aRefusalAfterARecordThatMayBeThereFailsNothing() {
        let play = Play()
        play.listen()
        play.ask("a")
        play.refuse(0, .late)
        play.pass(.milliseconds(100))
        play.refuse(1, .denied)
        play.pass(.seconds(20))
        #expect(
            play.transcript.suffix(2) == [
                "refused #1 TOPIC_AUTHORIZATION_FAILED: -", "20100 ms later: fail a timed out, sent",
            ]
        )
    }

    @Test(arguments: [Refusal.full, .dropped]) func whatNeverLeftIsNotSaidToBeSent(_ refusal: Refusal) {
        let play = Play()
        play.listen()
        play.ask("a", for: .milliseconds(50))
        play.refuse(0, refusal)
        play.pass(.milliseconds(50))
        #expect(play.transcript.last == "50 ms later: fail a timed out, not sent")
        #expect(play.book.rememberedRequests == 0)
    }

    // MARK: Bounds

    @Test func moreThanFitsWaitsInOrderAndWhatIsBeyondFails() {
        let play = Play {
            $0.inFlight = 1
            $0.waiting = 2
        }
        play.listen()
        for name in ["a", "b", "c", "d"] { play.ask(name) }
        play.acknowledge(0, at: 0)
        play.hear("a", at: 0)
        // What comes now goes behind those that wait.
        play.ask("e")
        play.giveUp("b")
        #expect(
            play.transcript.dropFirst() == [
                "ask a: send a #0", "ask b: -", "ask c: -", "ask d: fail d overloaded", "written #0 at 0: a lies at 0",
                "hear a of 0: answer a by 0 after 1, send b #1", "ask e: -", "give up b: fail b cancelled, send c #2",
            ]
        )
    }

    @Test func bytesAreBoundedAndOneAloneAlwaysFits() {
        let play = Play { $0.inFlightBytes = 250 }
        play.listen()
        play.ask("a", bytes: 1_000)
        play.ask("b", bytes: 1)
        play.acknowledge(0, at: 0)
        play.hear("a", at: 0)
        play.ask("c", bytes: 249)
        play.ask("d", bytes: 1)
        #expect(
            play.transcript.dropFirst(2) == [
                "ask b: -", "written #0 at 0: a lies at 0", "hear a of 0: answer a by 0 after 1, send b #1",
                "ask c: send c #2", "ask d: -",
            ]
        )
        #expect(play.book.inFlightBytes == 250)
    }

    @Test func theOrderOfThoseThatWaitSurvivesManyThatLeft() {
        let play = Play {
            $0.inFlight = 1
            $0.waiting = 2
        }
        play.listen()
        play.ask("a")
        play.ask("b")
        for index in 0..<200 {
            play.ask("x\(index)")
            play.giveUp("x\(index)")
        }
        play.ask("c")
        play.giveUp("a")
        play.giveUp("b")
        #expect(
            play.transcript.suffix(2) == [
                "give up a: fail a cancelled, send b #1", "give up b: fail b cancelled, send c #2",
            ]
        )
        #expect(play.book.waitingRequests == 0)
    }

    @Test func duesThatNobodyWaitsForAreCleared() {
        let play = Play()
        play.listen()
        for index in 0..<1_000 as Range<UInt64> {
            play.ask("a\(index)", for: .seconds(20))
            play.acknowledge(index, at: Int64(index))
            play.hear("a\(index)", at: Int64(index))
        }
        play.ask("last", for: .seconds(3))
        #expect(play.wake == "3000 ms")
        #expect(play.book.entries.count == 1)
    }

    // MARK: Leaving

    @Test func aDeadlineBeforeAnswersAreReadSaysSo() {
        let play = Play()
        play.ask("a", for: .seconds(1))
        #expect(play.wake == "1000 ms")
        play.pass(.seconds(1))
        play.listen()
        #expect(play.transcript == ["ask a: -", "1000 ms later: fail a not listening", "listening: -"])
    }

    @Test func aDeadlineBeforeThereIsRoomLeavesNothingBehind() {
        let play = Play { $0.inFlight = 1 }
        play.listen()
        play.ask("a", for: .seconds(9))
        play.ask("b", for: .seconds(1))
        play.pass(.seconds(1))
        play.hear("b", at: 5)
        #expect(play.transcript.suffix(2) == ["1000 ms later: fail b timed out, not sent", "hear b of 5: -"])
        #expect(play.book.waitingRequests == 0)
    }

    @Test func whoWasCancelledBeforeTheAcknowledgementIsAnsweredLate() {
        let play = Play()
        play.listen()
        play.ask("a")
        play.giveUp("a")
        play.hear("a", at: 7)
        play.acknowledge(0, at: 7)
        #expect(
            play.transcript.dropFirst(2) == [
                "give up a: fail a cancelled", "hear a of 7: -", "written #0 at 7: late a",
            ]
        )
    }

    @Test func anIDThatIsUnderWayIsRefused() {
        let play = Play { $0.inFlight = 1 }
        play.listen()
        play.ask("a", id: "one")
        play.ask("b", id: "one")
        play.ask("c", id: "two")
        play.ask("d", id: "two")
        #expect(
            play.transcript.dropFirst() == [
                "ask a: send a #0", "ask b: fail b duplicate", "ask c: -", "ask d: fail d duplicate",
            ]
        )
    }

    @Test func whoAsksAgainAfterGivingUpGetsTheFirstAnswerToo() {
        let play = Play()
        play.listen()
        play.ask("a", id: "one")
        play.acknowledge(0, at: 7)
        play.giveUp("a")
        play.ask("b", id: "one")
        play.hear("one", at: 7)
        #expect(play.transcript.suffix(2) == ["ask b: send b #1", "hear one of 7: answer b by 7 after 1"])
    }

    @Test func whoAsksAgainGetsAnAnswerThatCameBeforeTheFirstAcknowledgement() {
        let play = Play()
        play.listen()
        play.ask("a", id: "one")
        play.giveUp("a")
        play.hear("one", at: 7)
        play.ask("b", id: "one")
        play.acknowledge(0, at: 7)
        #expect(play.transcript.last == "written #0 at 7: b lies at 7, answer b by 7 after 1")
    }

    @Test func anOverloadForgetsNoneThatWasGivenUp() {
        let play = Play {
            $0.inFlight = 1
            $0.waiting = 0
        }
        play.listen()
        play.ask("a", id: "one")
        play.acknowledge(0, at: 7)
        play.giveUp("a")
        play.ask("b")
        play.ask("c", id: "one")
        play.hear("one", at: 7)
        #expect(play.transcript.suffix(2) == ["ask c: fail c overloaded", "hear one of 7: late one"])
    }

    // MARK: Sending without waiting

    @Test func whoWantsNoAnswerIsDoneWhenItsRecordIsWritten() {
        let play = Play()
        play.ask("a", answer: false)
        play.acknowledge(0, at: 7)
        play.hear("a", at: 7)
        #expect(play.transcript == ["ask a: send a #0", "written #0 at 7: a lies at 7", "hear a of 7: -"])
        #expect(play.book.entries.isEmpty)
    }

    // MARK: Ending

    @Test func aDrainWaitsForWhatIsUnderWay() {
        let play = Play { $0.inFlight = 1 }
        play.listen()
        play.ask("a")
        play.ask("b")
        play.acknowledge(0, at: 7)
        play.drain()
        play.ask("c")
        play.hear("a", at: 7)
        play.ask("d")
        #expect(
            play.transcript.dropFirst(4) == [
                "drain: fail b shut down, not sent", "ask c: fail c shut down, not sent",
                "hear a of 7: answer a by 7 after 1, ended", "ask d: fail d shut down, not sent",
            ]
        )
    }

    @Test func aDrainEndsWithTheLastDeadline() {
        let play = Play()
        play.listen()
        play.ask("a")
        play.drain()
        play.pass(.seconds(20))
        #expect(play.transcript.last == "20000 ms later: fail a timed out, sent, ended")
    }

    @Test func aDrainWithNothingUnderWayEndsAtOnce() {
        let play = Play()
        play.drain()
        play.drain()
        #expect(play.transcript == ["drain: ended", "drain: -"])
    }

    @Test func aStopFailsEverythingAtOnce() {
        let play = Play { $0.inFlight = 1 }
        play.listen()
        play.ask("a")
        play.ask("b")
        play.stop()
        play.acknowledge(0, at: 7)
        play.hear("a", at: 7)
        play.stop()
        #expect(
            play.transcript.dropFirst(3) == [
                "stop: fail a shut down, sent, fail b shut down, not sent, ended", "written #0 at 7: -",
                "hear a of 7: -", "stop: -",
            ]
        )
    }
}
