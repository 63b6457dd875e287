import OTPKafka
import Testing

/// What happens when members come, go and are thrown out, against librdkafka's own broker.
@Suite struct RebalanceTests {
    let broker: EmbeddedBroker
    let topic = unique("commands")

    init() throws {
        broker = try EmbeddedBroker()
        try broker.createTopic(topic, partitions: 2)
    }

    private func member() throws -> GroupConsumer {
        try .member(of: "g", broker.common, topics: [topic])
    }

    /// Two members of which the first has been asked for a partition and has not answered.
    private func openRevocation() throws -> (GroupConsumer, GroupConsumer, [TopicPartition]) {
        let first = try member()
        try first.join(2)
        let second = try member()
        var events: [ConsumerEvent] = []
        let end = ContinuousClock.now + .seconds(30)
        while events.revoked.isEmpty {
            try #require(ContinuousClock.now < end, "nothing was revoked")
            events += first.poll(timeout: .milliseconds(20), maximum: 100)
            #expect(second.poll(timeout: .milliseconds(20), maximum: 100).assigned.isEmpty)
        }
        return (first, second, events.revoked)
    }

    @Test func aRevocationIsAnsweredLateWhilePollingGoesOn() throws {
        let (first, second, revoked) = try openRevocation()
        #expect(revoked.count == 1)

        // The group waits for the answer, and the member is not thrown out meanwhile.
        let end = ContinuousClock.now + .seconds(3)
        while ContinuousClock.now < end {
            let events = first.poll(timeout: .milliseconds(20), maximum: 100)
            #expect(events.lost.isEmpty && events.revoked.isEmpty)
            #expect(second.poll(timeout: .milliseconds(20), maximum: 100).assigned.isEmpty)
        }
        #expect(first.assigned.count == 2)

        first.release(revoked)
        var assigned: [TopicPartition] = []
        let limit = ContinuousClock.now + .seconds(30)
        while assigned.isEmpty {
            try #require(ContinuousClock.now < limit, "the released partition was given to nobody")
            _ = first.poll(timeout: .milliseconds(20), maximum: 100)
            assigned = second.poll(timeout: .milliseconds(20), maximum: 100).assigned
        }
        #expect(assigned == revoked)
        #expect(first.assigned.isDisjoint(with: revoked))
        try second.leave()
        try first.leave()
    }

    @Test func whatIsKeptInARebalanceGoesOnWithoutGapOrRepetition() throws {
        for partition in Int32(0)...1 {
            try write(numbered(300, topic: topic, partition: partition), to: broker.common)
        }
        let first = try member()
        for partition in try first.join(2) { first.resume(partition, at: 0) }
        var events = try first.poll("some records", maximum: 5) { $0.records.count >= 50 }

        let second = try member()
        var received: [ConsumerEvent] = []
        let end = ContinuousClock.now + .seconds(30)
        while received.assigned.isEmpty || !first.assigned.allSatisfy({ events.hasEnd(of: $0, at: 300) }) {
            try #require(ContinuousClock.now < end, "saw \(events.records.count) records")
            let new = first.poll(timeout: .milliseconds(5), maximum: 5)
            events += new
            first.release(new.revoked)
            received += second.poll(timeout: .milliseconds(5), maximum: 5)
        }

        let kept = try #require(first.assigned.first)
        let offsets = events.records.filter { $0.topicPartition == kept }.map(\.offset)
        #expect(offsets == Array(0..<300))
        #expect(received.assigned.count == 1 && !received.assigned.contains(kept))
        try second.leave()
        try first.leave()
    }

    @Test func onlyTheWholeOfARevocationIsGivenBack() throws {
        let consumer = try member()
        let assigned = try consumer.join(2)
        try consumer.beginClose()
        let revoked = try consumer.poll("revocation") { $0.revoked.count == 2 }.revoked
        #expect(Set(revoked) == Set(assigned))

        consumer.release([revoked[0]])
        _ = consumer.poll(during: .milliseconds(300))
        #expect(!consumer.isClosed)
        #expect(consumer.assigned.count == 2)

        consumer.release([revoked[1]])
        try consumer.poll("closed") { _ in consumer.isClosed }
        #expect(consumer.assigned.isEmpty)
        #expect(consumer.destroy(within: .seconds(5)))
    }

    @Test func whatIsResumedWhileLeavingDoesNotGiveBackTheRest() throws {
        let consumer = try member()
        let assigned = try consumer.join(2)
        try consumer.beginClose()
        try consumer.poll("revocation") { $0.revoked.count == 2 }

        // librdkafka takes any start in that moment for the answer.
        consumer.resume(assigned[0], at: 0)
        _ = consumer.poll(during: .milliseconds(300))
        #expect(!consumer.isClosed)
        #expect(consumer.assigned.count == 2)

        consumer.release(assigned)
        try consumer.poll("closed") { _ in consumer.isClosed }
        #expect(consumer.destroy(within: .seconds(5)))
    }

    @Test func whoLeavesBeforeItTookOverItsAssignmentGivesBackNothingUnasked() throws {
        let (first, second, revoked) = try openRevocation()
        first.release(revoked)
        try second.poll("the other's partition") {
            _ = first.poll(timeout: .milliseconds(20), maximum: 100)
            return $0.assigned == revoked
        }
        _ = first.poll(during: .milliseconds(500))
        let generation = try first.groupMetadata().generationID
        try second.leave()
        // Unpolled it joins again all the same, and is assigned what the other had: an event that nobody answers.
        let limit = ContinuousClock.now + .seconds(30)
        while try first.groupMetadata().generationID == generation {
            try #require(ContinuousClock.now < limit, "the group did not go on")
        }
        let end = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < end { _ = try first.groupMetadata() }

        try first.beginClose()
        let events = try first.poll("revocation") { !$0.revoked.isEmpty }
        try #require(events.assigned == revoked, "the assignment was not waiting: saw \(events.summary)")
        #expect(events.revoked.count == 2)
        _ = first.poll(during: .milliseconds(300))
        #expect(!first.isClosed)

        first.release(events.revoked)
        try first.poll("closed") { _ in first.isClosed }
        #expect(first.destroy(within: .seconds(5)))
    }

    @Test func aMemberThatWasThrownOutLosesItsPartitionsAndComesBack() throws {
        let consumer = try member()
        let assigned = try consumer.join(2)
        broker.pushErrors(.heartbeat, [.unknownMemberID])

        let lost = try consumer.poll("loss") { !$0.lost.isEmpty }.lost
        #expect(Set(lost) == Set(assigned))
        #expect(consumer.assigned.isEmpty)
        // Nothing is left to answer.
        consumer.release(lost)

        #expect(Set(try consumer.join(2)) == Set(assigned))
        try consumer.leave()
    }

    @Test func destroyingDoesNotWaitForAnUnansweredRevocation() throws {
        let (first, second, _) = try openRevocation()
        #expect(first.destroy(within: .seconds(5)))
        #expect(second.destroy(within: .seconds(5)))
    }

    @Test func destroyingDoesNotWaitForACloseThatNobodyFinishes() throws {
        let consumer = try member()
        try consumer.join(2)
        try consumer.beginClose()
        try consumer.poll("revocation") { !$0.revoked.isEmpty }
        #expect(consumer.destroy(within: .seconds(5)))
        #expect(consumer.poll(timeout: .seconds(1), maximum: 1).isEmpty)
        #expect(consumer.isClosed)
    }

    @Test func aMemberThatWasNeverAssignedAnythingCanBeEnded() throws {
        // Before 2.3.0 librdkafka aborts the process when such a member is destroyed after it has joined.
        let (first, second, _) = try openRevocation()
        #expect(second.assigned.isEmpty)
        #expect(second.destroy(within: .seconds(5)))
        #expect(second.poll(timeout: .seconds(1), maximum: 1).isEmpty)
        #expect(first.destroy(within: .seconds(5)))

        for _ in 0..<3 {
            let third = try member()
            _ = third.poll(during: .milliseconds(200))
            #expect(third.destroy(within: .seconds(5)))
        }
    }

    @Test func destroyingDoesNotWaitForBrokersThatAreGone() throws {
        let consumer = try member()
        try consumer.join(2)
        try broker.setReachable(false)
        _ = consumer.poll(during: .milliseconds(200))
        let start = ContinuousClock.now
        #expect(consumer.destroy(within: .seconds(5)))
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func destroyingEndsAPollAndABlockingQuestion() async throws {
        let consumer = try member()
        try consumer.join(2)
        try broker.setRoundTrip(.seconds(5))
        let partition = TopicPartition(topic, 0)
        async let polled = blocking { consumer.poll(timeout: .seconds(30), maximum: 1) }
        async let asked = blocking { (try? consumer.committed([partition], timeout: .seconds(2))) == nil }
        #expect(await asked)
        #expect(consumer.destroy(within: .seconds(8)))
        _ = await polled
    }

    @Test func resumingAnAssignmentThatIsGoneDoesNothing() throws {
        let (first, second, revoked) = try openRevocation()
        first.resume(revoked[0], at: 0)
        first.release(revoked)
        let events = first.poll(during: .milliseconds(500))
        #expect(events.allSatisfy { $0.partitionError == nil })
        #expect(second.destroy(within: .seconds(5)))
        #expect(first.destroy(within: .seconds(5)))
    }
}
