import CRdKafka

extension ClientHandle {
    /// Drops what is unsent, stops the delivery thread, and ends the client: within the limit, or by itself later.
    func closeProducer(_ loop: DeliveryLoop, within limit: Duration) -> Bool {
        let deadline = Deadline(in: limit)
        _ = unsafe attempt("close") { client in
            _ = unsafe rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        }
        let isStopped = loop.stop(until: deadline)
        return destroy(within: deadline.remaining) && isStopped
    }

    /// The value in force of a property.
    func property(_ name: String) -> String? {
        unsafe try? use("configuration") { client in
            var size = 0
            guard let conf = unsafe rd_kafka_conf(client),
                unsafe rd_kafka_conf_get(conf, name, nil, &size) == RD_KAFKA_CONF_OK
            else { return nil }
            var text = [CChar](repeating: 0, count: size)
            guard unsafe rd_kafka_conf_get(conf, name, &text, &size) == RD_KAFKA_CONF_OK else { return nil }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
