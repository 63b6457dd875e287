package import OTPContract

/// A chart over time as SVG that needs no script and no style of its own: classes say what a line is, the style sheet how it looks.
package struct Chart: Sendable {
    package enum Kind: Sendable { case lines, stack }

    package struct Series: Sendable {
        package var name: String
        /// Of the style sheet.
        package var style: String
        /// One for each time; nil where nothing is known.
        package var values: [Double?]

        package init(_ name: String, style: String, _ values: [Double?]) {
            self.name = name
            self.style = style
            self.values = values
        }
    }

    package var title: String
    package var kind: Kind
    /// Where each value begins, in equal steps.
    package var times: [WallTime]
    package var series: [Series]
    /// A value in words.
    package var words: @Sendable (Double) -> String

    package init(
        _ title: String,
        _ kind: Kind,
        times: [WallTime],
        series: [Series],
        words: @escaping @Sendable (Double) -> String
    ) {
        self.title = title
        self.kind = kind
        self.times = times
        self.series = series
        self.words = words
    }

    private static let width = 560.0
    private static let height = 150.0
    private static let left = 52.0
    private static let top = 8.0
    private static let bottom = 18.0
    private static var plotWidth: Double { width - left - 4 }
    private static var plotHeight: Double { height - top - bottom }

    /// A figure with its title, what its lines mean with their last and greatest values, and the lines.
    package var html: HTML {
        let top = Self.ceiling(greatest)
        let marks: [HTML] = kind == .lines ? series.map { line($0, top) } : stack(top)
        return """
            <figure class="chart"><figcaption><b>\(title)</b><span class="legend">\(series.map(legend))</span></figcaption>\
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(summary)" focusable="false">\
            \(grid(top))\(marks)</svg></figure>
            """
    }

    /// What the lines show, for those who do not see them.
    package var summary: String {
        let words = series.map { series in
            let known = series.values.compactMap(\.self)
            let last = known.last.map(self.words) ?? "nothing"
            return "\(series.name) now \(last), at most \(known.max().map(self.words) ?? "nothing")"
        }
        return "\(title): " + words.joined(separator: "; ")
    }

    private var greatest: Double {
        switch kind {
        case .lines: series.flatMap { $0.values.compactMap(\.self) }.max() ?? 0
        case .stack: times.indices.map { index in series.reduce(0) { $0 + ($1.values[index] ?? 0) } }.max() ?? 0
        }
    }

    /// The next of 1, 2 and 5 with zeros; at least 1.
    static func ceiling(_ value: Double) -> Double {
        var unit = 1.0
        while unit * 10 < value { unit *= 10 }
        return [1, 2, 5, 10].map { $0 * unit }.first { $0 >= value } ?? unit * 10
    }

    private func legend(_ series: Series) -> HTML {
        let last = series.values.last.flatMap(\.self)
        return "<span><i class=\"key \(series.style)\"></i>\(series.name) \(last.map(words) ?? "–")</span>"
    }

    private func grid(_ top: Double) -> [HTML] {
        let lines = [0, 0.5, 1].map { share -> HTML in
            let y = Self.number(Self.top + Self.plotHeight * (1 - share))
            return """
                <line class="grid" x1="\(Self.number(Self.left))" x2="\(Self.number(Self.width - 4))" y1="\(y)" y2="\(y)"/>\
                <text class="axis" x="\(Self.number(Self.left - 6))" y="\(y)" text-anchor="end" dy="3">\(words(top * share))</text>
                """
        }
        let indices = times.isEmpty ? [] : [0, times.count / 2, times.count - 1]
        let hours = zip(indices, ["start", "middle", "end"]).map { index, anchor -> HTML in
            """
            <text class="axis" x="\(Self.number(x(index)))" y="\(Self.number(Self.height - 4))" text-anchor="\(anchor)">\
            \(Figure.minute(times[index]))</text>
            """
        }
        return lines + hours
    }

    private func x(_ index: Int) -> Double {
        Self.left + Self.plotWidth * (Double(index) + 0.5) / Double(max(1, times.count))
    }

    private func y(_ value: Double, _ top: Double) -> Double { Self.top + Self.plotHeight * (1 - value / top) }

    /// A path with a gap where nothing is known; a value with nothing beside it is a short stroke.
    private func line(_ series: Series, _ top: Double) -> HTML {
        let values = series.values
        let isKnown = { (index: Int) in values.indices.contains(index) && values[index] != nil }
        var path = ""
        for (index, value) in values.enumerated() {
            guard let value else { continue }
            let point = "\(Self.number(x(index))) \(Self.number(y(value, top)))"
            if isKnown(index - 1) {
                path += "L\(point)"
            } else {
                path += isKnown(index + 1) ? "M\(point)" : "M\(point)m-3 0h6"
            }
        }
        return "<path class=\"line \(series.style)\" d=\"\(path)\"/>"
    }

    private func stack(_ top: Double) -> [HTML] {
        let bar = Self.plotWidth / Double(max(1, times.count))
        return times.indices.flatMap { index -> [HTML] in
            var base = 0.0
            return series.compactMap { series -> HTML? in
                guard let value = series.values[index], value > 0 else { return nil }
                defer { base += value }
                let height = Self.number(Self.plotHeight * value / top)
                return """
                    <rect class="bar \(series.style)" x="\(Self.number(x(index) - bar * 0.42))" width="\(Self.number(bar * 0.84))" \
                    y="\(Self.number(y(base + value, top)))" height="\(height)"/>
                    """
            }
        }
    }

    /// With one decimal at most; a page has thousands of them.
    private static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
