import OTPContract
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The one ``FleetMonitor`` of a process, with the clocks that it does not know: readers tell it, pages look at it.
///
/// A page is made of a copy, so that no reader waits while it is made.
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

    package var copy: FleetMonitor { monitor.withLock { $0 } }
}
