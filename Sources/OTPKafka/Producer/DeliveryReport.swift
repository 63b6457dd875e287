/// What became of one record: its offset once every in-sync replica has it, or why it was given up.
package struct DeliveryReport: Equatable, Sendable {
    /// The number that the record was produced with.
    package var tag: UInt64
    /// Nil where the broker did not say the offset.
    package var outcome: Result<Int64?, KafkaError>
    /// Where it was to be written; nil where no partition was chosen.
    package var partition: Int32?

    package init(tag: UInt64, outcome: Result<Int64?, KafkaError>, partition: Int32? = nil) {
        self.tag = tag
        self.outcome = outcome
        self.partition = partition
    }
}

/// What a producer says besides delivery reports.
package enum ClientEvent: Equatable, Sendable {
    /// For ``ClientStatistics/init(json:)``, on whatever thread has the time.
    case statistics(json: String)
    case log(ClientLog)
    /// Mostly a broker that cannot be reached, which librdkafka goes on trying; fatal when the client is of no more use.
    case error(KafkaError)
}
