#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// How one client, of whatever kind, gets on with its brokers: the handful of librdkafka's statistics that tell an operator whether
/// the cluster is slow, throttles, or does not answer.
package struct ClientStatistics: Equatable, Sendable {
    /// Brokers to which a connection is up.
    package var connectedBrokers = 0
    /// Time from a request to its answer, of one in a hundred at the slowest broker, since the statistics before; zero when
    /// nothing was asked.
    ///
    /// A consumer's requests wait at the broker for records.
    package var roundTrip = Duration.zero
    /// How long the strictest broker held answers back, on average, because of a quota.
    package var throttle = Duration.zero
    /// Requests that are ready and not sent yet.
    package var waitingRequests = 0
    /// Requests that were not answered in time, since the client began.
    package var timedOutRequests = 0
    /// Records that a consumer has not handed out yet, or of which a producer has no acknowledgement.
    package var queuedRecords = 0

    package init() {}

    /// Nil when the text is not librdkafka's statistics.
    package init?(json: String) {
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(json.utf8)) else { return nil }
        self.init(document.brokers ?? [:], queuedRecords: document.records ?? 0)
    }

    init(_ brokers: [String: Broker], queuedRecords: Int) {
        connectedBrokers = brokers.count { $0.value.isBroker(named: $0.key) && $0.value.state == "UP" }
        roundTrip = .microseconds(brokers.values.compactMap(\.roundTrip?.high).max() ?? 0)
        throttle = .milliseconds(brokers.values.compactMap(\.throttle?.mean).max() ?? 0)
        waitingRequests = brokers.values.reduce(0) { $0 + ($1.waiting ?? 0) }
        timedOutRequests = brokers.values.reduce(0) { $0 + ($1.timeouts ?? 0) }
        self.queuedRecords = queuedRecords
    }

    /// One connection's entry.
    struct Broker: Decodable {
        var nodeid: Int32
        var state: String
        var rxidle: Int64
        var waiting: Int?
        var timeouts: Int?
        var roundTrip: Window?
        var throttle: Window?

        /// The coordinator has an entry beside that of its broker, and so has an address that was only the first to be asked.
        func isBroker(named name: String) -> Bool { name != "GroupCoordinator" && nodeid >= 0 }

        enum CodingKeys: String, CodingKey {
            case nodeid, state, rxidle, throttle
            case waiting = "outbuf_cnt"
            case timeouts = "req_timeouts"
            case roundTrip = "rtt"
        }
    }

    /// What was measured between two statistics.
    struct Window: Decodable {
        var mean: Int64
        var high: Int64

        enum CodingKeys: String, CodingKey {
            case mean = "avg"
            case high = "p99"
        }
    }

    private struct Document: Decodable {
        var brokers: [String: Broker]?
        var records: Int?

        enum CodingKeys: String, CodingKey {
            case brokers
            case records = "msg_cnt"
        }
    }
}
