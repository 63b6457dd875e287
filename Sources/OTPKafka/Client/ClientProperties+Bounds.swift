extension ClientProperties {
    /// Why a property that a user wants to pass through cannot be used; it never holds a value.
    package struct PropertyFault: Equatable, Sendable {
        package var name: String
        package var what: String
        package var remedy: String
    }

    /// What librdkafka takes and a worker cannot work with, by name.
    ///
    /// Whether librdkafka takes the rest is found by making clients of it, which `dryRun` does.
    package static func faults(of properties: [String: String]) -> [PropertyFault] {
        properties.sorted { $0.key < $1.key }.compactMap { name, value in
            if mechanisms.contains(name.lowercased()) { return mechanismFault(name, value) }
            // What is no number is librdkafka's to refuse.
            guard let bound = bounds[name], let number = Int(value.filter { $0 != " " }), !bound.allows(number) else {
                return nil
            }
            return PropertyFault(
                name: name,
                what: "property \(name) must be \(bound.words): \(bound.why)",
                remedy: "write a value within that, or remove it"
            )
        }
    }

    private static let mechanisms: Set<String> = ["sasl.mechanism", "sasl.mechanisms"]

    private static func mechanismFault(_ name: String, _ value: String) -> PropertyFault? {
        guard value.uppercased().contains("OAUTHBEARER") else { return nil }
        return PropertyFault(
            name: name,
            what: "property \(name) is OAUTHBEARER, and this program fetches no tokens: it would never be let in",
            remedy: "use SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN with sasl.username and sasl.password, or a client"
                + " certificate"
        )
    }

    /// From where to where a number can be; one besides that means "off" or "no limit".
    private struct Bound {
        var least = Int.min
        var most = Int.max
        var besides: Int?
        var why: String

        func allows(_ number: Int) -> Bool { number == besides || (least <= number && number <= most) }

        var words: String {
            let range =
                least == .min ? "at most \(most)" : most == .max ? "\(least) or more" : "from \(least) to \(most)"
            return range + (besides.map { ", or \($0)" } ?? "")
        }
    }

    private static let bounds: [String: Bound] = {
        let soon = "until then every user waits"
        var bounds: [String: Bound] = [
            "message.max.bytes": Bound(least: 1_000_000, why: "a result, a ledger record or a dead letter may not fit"),
            "queue.buffering.max.messages": Bound(
                least: 10_000,
                besides: 0,
                why: "the records of one transaction must fit"
            ),
            "queue.buffering.max.kbytes": Bound(least: 32_768, why: "the records of one transaction must fit"),
            "fetch.wait.max.ms": Bound(most: 5_000, why: "a quiet partition's end is seen as late as that"),
            "topic.metadata.refresh.interval.ms": Bound(
                least: 100,
                most: 300_000,
                why: "new leaders and partitions are found by it"
            ),
            "metadata.max.age.ms": Bound(least: 1_000, why: "leaders would be forgotten before they are used"),
            "socket.timeout.ms": Bound(least: 1_000, why: "a broker that is busy would never be waited for"),
            "request.timeout.ms": Bound(least: 1_000, why: "a broker that is busy would never be waited for"),
            "connections.max.idle.ms": Bound(least: 1_000, besides: 0, why: "it would do nothing but connect"),
        ]
        for name in ["linger.ms", "queue.buffering.max.ms"] {
            bounds[name] = Bound(most: 1_000, why: "each call waits for its intent to be written")
        }
        for name in [
            "retry.backoff.ms", "retry.backoff.max.ms", "fetch.error.backoff.ms", "fetch.queue.backoff.ms",
            "reconnect.backoff.ms",
        ] { bounds[name] = Bound(most: 10_000, why: soon) }
        for name in ["reconnect.backoff.max.ms", "coordinator.query.interval.ms"] {
            bounds[name] = Bound(most: 60_000, why: soon)
        }
        return bounds
    }()
}

extension ClientProperties.Common {
    /// For following many partitions: what is read ahead is 16 MiB in all, and one answer of a broker 2 MiB, so that memory is bounded
    /// however far behind the reading is.
    ///
    /// The partitions share one queue, and librdkafka holds the length of that against these bounds. One that is beyond them is not asked
    /// for more for a second: they must be well above what one answer brings, or reading is no faster than an answer a second. What the
    /// user passes through goes before.
    package var readingAhead: Self {
        var common = self
        let bounds = [
            "queued.min.messages": "10000", "queued.max.messages.kbytes": "16384", "fetch.max.bytes": "2097152",
        ]
        common.passThrough.merge(bounds) { given, _ in given }
        return common
    }

    /// For a person who watches and does not see a tenth of a second: a broker may wait so long for more to answer with, which costs
    /// both sides less.
    package var unhurried: Self {
        var common = self
        common.passThrough.merge(["fetch.min.bytes": "65536", "fetch.wait.max.ms": "100"]) { given, _ in given }
        return common
    }
}
