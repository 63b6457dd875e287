/// The parts of open pages as they were last rendered, each with a number that grows when it changes.
///
/// A stream remembers the numbers it has sent. One that was too slow for a while is sent what is different then, not what it missed: the
/// parts are a state, not a log, and nothing waits for anybody.
package struct PartFeed: Sendable {
    package struct Part: Equatable, Sendable {
        package var id: Overview.Part
        package var version: UInt64
        /// The event as it is sent.
        package var bytes: [UInt8]
    }

    private var parts: [Overview.Range: [Overview.Part: Part]] = [:]
    private var texts: [Overview.Range: [Overview.Part: HTML]] = [:]
    private var version: UInt64 = 0
    private var renderings = 0

    /// Charts over a day are much work and change once a minute: they are rendered every so many times.
    private static let chartPause = 5

    package init() {}

    /// Renders what pages with these charts show now; what nobody looks at is forgotten.
    package mutating func render(_ monitor: FleetMonitor, at now: FleetMonitor.Moment, _ ranges: Set<Overview.Range>) {
        parts = parts.filter { ranges.contains($0.key) }
        texts = texts.filter { ranges.contains($0.key) }
        renderings += 1
        for range in ranges {
            let overview = Overview(monitor, at: now, range)
            for id in Overview.Part.allCases {
                let isDue = id != .charts || parts[range]?[id] == nil || renderings % Self.chartPause == 0
                guard isDue else { continue }
                let html = overview.html(id)
                guard texts[range]?[id] != html else { continue }
                version += 1
                texts[range, default: [:]][id] = html
                parts[range, default: [:]][id] = Part(id: id, version: version, bytes: ServerEvent.part(id, html))
            }
        }
    }

    /// What a stream that has sent these versions has not sent yet, in the order of the page.
    package func changes(_ range: Overview.Range, since sent: [Overview.Part: UInt64]) -> [Part] {
        Overview.Part.allCases.compactMap { parts[range]?[$0] }.filter { $0.version != sent[$0.id] }
    }
}
