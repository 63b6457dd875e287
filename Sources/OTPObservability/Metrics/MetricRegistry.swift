import Synchronization

/// Holds the value of every metric.
///
/// Updating a resolved handle costs nanoseconds; resolving one takes a lock and a look-up, so resolve at start-up
/// where the labels are known. Memory is bounded: a metric keeps `Metric.seriesLimit` label combinations, and the ones
/// after that share the value `other`. It never calls anyone but the hooks given to `beforeRender`.
package final class MetricRegistry: Sendable {
    /// The label value that stands for all that did not fit.
    package static let overflow = "other"

    private let families: [Metric: Family]
    private let hooks = Mutex<[@Sendable () -> Void]>([])

    private let metrics: [Metric]

    /// A registry with the metrics of a program; each that has no labels is present, at 0.
    package init(of program: Metric.Program = .worker) {
        metrics = Metric.all(of: program)
        families = Dictionary(uniqueKeysWithValues: metrics.map { ($0, Family($0)) })
    }

    /// The counter of these label values, given in the order of `Metric.labels`.
    package func counter(_ metric: Metric, _ labels: String...) -> Counter {
        guard case .counter(let counter) = series(metric, labels) else {
            preconditionFailure("\(metric.name) is no counter")
        }
        return counter
    }

    /// The gauge of these label values, given in the order of `Metric.labels`.
    package func gauge(_ metric: Metric, _ labels: String...) -> Gauge {
        guard case .gauge(let gauge) = series(metric, labels) else { preconditionFailure("\(metric.name) is no gauge") }
        return gauge
    }

    /// The histogram of these label values, given in the order of `Metric.labels`.
    package func histogram(_ metric: Metric, _ labels: String...) -> Histogram {
        guard case .histogram(let histogram) = series(metric, labels) else {
            preconditionFailure("\(metric.name) is no histogram")
        }
        return histogram
    }

    /// Forgets one label combination, such as a partition that was given away.
    ///
    /// Its handles go on working, unseen.
    package func remove(_ metric: Metric, _ labels: String...) {
        family(metric).remove(labels)
    }

    /// Runs `hook` before each rendering, on the thread that asks: the place to copy values that are kept elsewhere.
    ///
    /// It must be quick and must not block.
    package func beforeRender(_ hook: @escaping @Sendable () -> Void) {
        hooks.withLock { $0.append(hook) }
    }

    /// All values in the Prometheus text format 0.0.4, in the order of `Metric.allCases`, series sorted by their labels.
    package func render() -> String {
        for hook in hooks.withLock({ $0 }) { hook() }
        var text = PrometheusText()
        for metric in metrics {
            text.append(metric, family(metric).snapshot())
        }
        return text.output
    }

    private func series(_ metric: Metric, _ labels: [String]) -> Series {
        family(metric).series(labels)
    }

    private func family(_ metric: Metric) -> Family {
        guard let family = families[metric] else { preconditionFailure("\(metric.name) is not of this program") }
        return family
    }
}

/// One value, or one set of buckets, of a metric.
enum Series: Sendable {
    case counter(Counter)
    case gauge(Gauge)
    case histogram(Histogram)

    init(_ kind: Metric.Kind) {
        switch kind {
        case .counter: self = .counter(Counter())
        case .gauge: self = .gauge(Gauge())
        case .histogram(let buckets): self = .histogram(Histogram(buckets: buckets))
        }
    }
}

private final class Family: Sendable {
    private let metric: Metric
    private let table: Mutex<[[String]: Series]>

    init(_ metric: Metric) {
        self.metric = metric
        // A metric that is there from the start, at 0, can be alerted on; one of the process is there once it could be read.
        let present = metric.labels.isEmpty && !metric.isOfProcess
        table = Mutex(present ? [[]: Series(metric.kind)] : [:])
    }

    func series(_ labels: [String]) -> Series {
        precondition(labels.count == metric.labels.count, "\(metric.name) takes the labels \(metric.labels)")
        return table.withLock { table in
            if let known = table[labels] { return known }
            let isFull = table.count >= metric.seriesLimit
            let key = isFull ? labels.map { _ in MetricRegistry.overflow } : labels
            if let known = table[key] { return known }
            let new = Series(metric.kind)
            table[key] = new
            return new
        }
    }

    func remove(_ labels: [String]) {
        _ = table.withLock { $0.removeValue(forKey: labels) }
    }

    func snapshot() -> [(labels: [String], series: Series)] {
        table.withLock { $0.map { (labels: $0.key, series: $0.value) } }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    }
}
