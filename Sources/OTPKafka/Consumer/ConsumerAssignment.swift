import OTPContract

extension GroupConsumer {
    /// What is asked of one partition, to be done by the polling thread.
    struct DesiredFlow {
        /// Where to read from; nil leaves that as it is.
        var offset: Int64?
        var flows = false
    }

    /// How a partition of the assignment stands.
    struct Flow {
        /// librdkafka has it.
        ///
        /// Before its first offset is known it has not: there is no offset that is surely in range, and a partition whose fetch was
        /// out of range stops.
        var isStarted = false
        /// The offset after what was handed out last, record or end, or the one asked for; nil until the first is asked for.
        var next: Int64?
        var isPaused = true
        /// Who it is fetched from, as the last statistics say: -1 for nobody; nil before the first.
        var broker: Int32?
    }

    /// What the polling thread and those who ask of it share.
    struct Assignment {
        var flow: [TopicPartition: Flow] = [:]
        var wanted: [TopicPartition: DesiredFlow] = [:]
        /// Revoked and not answered: librdkafka takes one answer for all of them.
        var revoked: Set<TopicPartition> = []
        var released: Set<TopicPartition> = []
        /// Assigned, and not taken over before everything revoked was given back.
        var awaiting: [TopicPartition]?
        /// Paused in librdkafka, which remembers it beyond an assignment.
        var paused: Set<TopicPartition> = []
        /// When librdkafka was last made to look at the group.
        var hurriedAt: ContinuousClock.Instant?
        /// What was handed out since librdkafka's queue was empty last.
        var served = 0
        /// Leaves the group: everything is revoked, or will be.
        var isClosing = false
        /// librdkafka was given, since closing began, the one answer that it waits for.
        var isAnswered = false
        /// Nobody will answer a revocation any more.
        var isAbandoned = false

        mutating func learn(_ statistics: ConsumerStatistics) {
            for entry in statistics.partitions { flow[entry.topicPartition]?.broker = entry.broker ?? -1 }
        }

        mutating func forget(_ partitions: [TopicPartition]) {
            for partition in partitions {
                flow[partition] = nil
                wanted[partition] = nil
            }
        }
    }
}
