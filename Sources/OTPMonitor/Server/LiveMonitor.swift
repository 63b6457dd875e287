import OTPContract
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The one ``FleetMonitor`` of a process, with the clocks that it does not know: readers tell it, pages look at it.
///
/// The readers wait while a page is made, for a few milliseconds: a copy for each page would be one of 10 MB as soon as they go on.
package final class LiveMonitor: Sendable {
    private let monitor: Mutex<FleetMonitor>
    private let began = ContinuousClock.now

    package init(_ monitor: FleetMonitor) {
        self.monitor = Mutex(monitor)
    }

    package var now: FleetMonitor.Moment {
        FleetMonitor.Moment(
            elapsed: ContinuousClock.now - began,
            wall: WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        )
    }

    package func tell(_ events: [FleetMonitor.Event]) {
        let now = now
        monitor.withLock { monitor in
            for event in events { monitor.handle(event, at: now) }
        }
    }

    /// What `body` makes of it now; the readers wait for that.
    package func look<Value: Sendable>(_ body: (FleetMonitor, FleetMonitor.Moment) -> Value) -> Value {
        let now = now
        return monitor.withLock { body($0, now) }
    }
}
