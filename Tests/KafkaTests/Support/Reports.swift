import OTPKafka
import Synchronization

/// Delivery reports and client events as they came, from the delivery thread.
final class Reports: Sendable {
    private let reports = Mutex<[DeliveryReport]>([])
    private let clientEvents = Mutex<[ClientEvent]>([])

    var add: @Sendable ([DeliveryReport]) -> Void {
        { new in self.reports.withLock { $0 += new } }
    }

    var note: @Sendable (ClientEvent) -> Void {
        { event in self.clientEvents.withLock { $0.append(event) } }
    }

    var all: [DeliveryReport] { reports.withLock { $0 } }
    var events: [ClientEvent] { clientEvents.withLock { $0 } }

    func outcome(of tag: UInt64) -> Result<Int64?, KafkaError>? {
        all.first { $0.tag == tag }?.outcome
    }
}
