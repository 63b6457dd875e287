import CRdKafka

extension ClientHandle {
    /// Asks the partition's leader, again while it is missing for now, until the deadline.
    func watermarks(_ partition: TopicPartition, until deadline: Deadline) throws(KafkaError) -> Watermarks {
        while true {
            var low: Int64 = 0
            var high: Int64 = 0
            let error = unsafe attempt("query watermarks") { client throws(KafkaError) in
                let response = unsafe rd_kafka_query_watermark_offsets(
                    client,
                    partition.topic,
                    partition.partition,
                    &low,
                    &high,
                    deadline.milliseconds(atMost: .seconds(5))
                )
                try KafkaError.check("query watermarks", response)
            }
            guard let error else { return Watermarks(low: low, high: high) }
            guard error.isTransient, !deadline.hasPassed else { throw error }
            pause(until: deadline)
        }
    }

    /// Waits a moment before the next attempt, or until the client is destroyed.
    func pause(until deadline: Deadline) {
        let moment = Deadline(in: min(deadline.remaining, .milliseconds(50)))
        waitForClosing(until: moment)
    }
}
