/// Writes the Prometheus text format 0.0.4.
///
/// It reads values and never changes one.
struct PrometheusText {
    /// The `Content-Type` of the format.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var output = ""

    /// Appends a metric with its HELP and TYPE lines, which are there before its first series is.
    mutating func append(_ metric: Metric, _ series: [(labels: [String], series: Series)]) {
        output += "# HELP \(metric.name) \(Self.escapedHelp(metric.meaning))\n"
        output += "# TYPE \(metric.name) \(Self.typeName(metric.kind))\n"
        for (values, series) in series {
            let labels = zip(metric.labels, values).map { Self.label($0, $1) }
            switch series {
            case .counter(let counter): line(metric.name, labels, counter.value)
            case .gauge(let gauge): line(metric.name, labels, gauge.value)
            case .histogram(let histogram): lines(metric.name, labels, histogram)
            }
        }
    }

    private mutating func lines(_ name: String, _ labels: [String], _ histogram: Histogram) {
        let snapshot = histogram.snapshot
        var total: UInt64 = 0
        for (bound, count) in zip(histogram.buckets + [.infinity], snapshot.counts) {
            total += count
            line(name + "_bucket", labels + [Self.label("le", Self.number(bound))], Double(total))
        }
        line(name + "_sum", labels, snapshot.sum)
        line(name + "_count", labels, Double(total))
    }

    private mutating func line(_ name: String, _ labels: [String], _ value: Double) {
        output += name
        if !labels.isEmpty { output += "{" + labels.joined(separator: ",") + "}" }
        output += " \(Self.number(value))\n"
    }

    private static func label(_ name: String, _ value: String) -> String {
        "\(name)=\"\(escapedLabel(value))\""
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Up to 2^53 a whole Double is exact as an integer.
        if value == value.rounded(), value.magnitude <= 9_007_199_254_740_992 { return "\(Int64(value))" }
        return "\(value)"
    }

    private static func typeName(_ kind: Metric.Kind) -> String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    static func escapedLabel(_ value: String) -> String {
        escaped(value, quote: true)
    }

    static func escapedHelp(_ text: String) -> String {
        escaped(text, quote: false)
    }

    private static func escaped(_ text: String, quote: Bool) -> String {
        var result = ""
        // Scalars, not characters: a carriage return with its line feed is one character and would slip through.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quote: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
