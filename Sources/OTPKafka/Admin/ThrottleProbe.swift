import CRdKafka

/// Reads a topic for a moment and sees whether the brokers hold the answers back because of a quota.
package enum ThrottleProbe {
    /// Reads and looks.
    ///
    /// - Parameters:
    ///   - common: quotas are by user and client id, so both are to be those of whom it is about.
    ///   - topic: what is read.
    ///   - offsets: where, by partition.
    ///   - span: for how long; it blocks for that time.
    /// - Returns: the mean time that the strictest broker held an answer back; zero when none did.
    /// - Throws: where the topic cannot be read.
    package static func reading(
        _ common: ClientProperties.Common,
        topic: String,
        from offsets: [Int32: Int64],
        for span: Duration
    ) throws(KafkaError) -> Duration {
        var properties = try ClientProperties.reader(common)
        properties["statistics.interval.ms"] = "200"
        let handle = try ClientHandle(.simpleConsumer, properties, events: RD_KAFKA_EVENT_STATS)
        defer { _ = handle.destroy(within: .seconds(2)) }
        let deadline = Deadline(in: span)
        var throttle = Duration.zero
        let reader = try SimpleConsumer(handle, topic: topic, from: offsets)
        while !deadline.hasPassed {
            _ = try reader.next(until: deadline, maximum: 1_000)
            while let event = handle.poll(milliseconds: 0) {
                guard event.kind == .statistics, let statistics = ClientStatistics(json: event.statistics()) else {
                    continue
                }
                throttle = max(throttle, statistics.throttle)
            }
        }
        return throttle
    }
}
