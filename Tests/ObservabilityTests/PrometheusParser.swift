/// Reads the Prometheus text format strictly, as a scraper would, so that a rendering mistake is an error and not a shrug.
struct PrometheusParser {
    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct SyntaxError: Error, Equatable {
        var line: String
        var problem: String
    }

    private struct Series: Hashable {
        var name: String
        var labels: [String: String]
    }

    private(set) var samples: [Sample] = []
    private(set) var types: [String: String] = [:]
    private var helps: Set<String> = []
    private var current = ""

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw SyntaxError(line: "", problem: "no newline at the end") }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            try read(String(line))
        }
        var seen: Set<Series> = []
        for sample in samples where !seen.insert(Series(name: sample.name, labels: sample.labels)).inserted {
            throw SyntaxError(line: sample.name, problem: "series given twice")
        }
        try checkHistograms()
    }

    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    private mutating func read(_ line: String) throws {
        let words = line.split(separator: " ", maxSplits: 3).map(String.init)
        if line.hasPrefix("# HELP ") {
            guard words.count == 4, helps.insert(words[2]).inserted else {
                throw SyntaxError(line: line, problem: "bad or repeated HELP")
            }
        } else if line.hasPrefix("# TYPE ") {
            guard words.count == 4, ["counter", "gauge", "histogram"].contains(words[3]), types[words[2]] == nil,
                helps.contains(words[2])
            else { throw SyntaxError(line: line, problem: "bad or repeated TYPE") }
            types[words[2]] = words[3]
            current = words[2]
        } else {
            samples.append(try sample(line))
        }
    }

    private func sample(_ line: String) throws -> Sample {
        var rest = Substring(line)
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest.removeFirst()
            repeat {
                let (label, value) = try Self.label(&rest, line)
                guard labels.updateValue(value, forKey: label) == nil else {
                    throw SyntaxError(line: line, problem: "label given twice")
                }
            } while Self.consume(",", &rest)
            guard Self.consume("}", &rest) else { throw SyntaxError(line: line, problem: "labels not closed") }
        }
        guard Self.consume(" ", &rest), let value = Double(rest.replacing("+Inf", with: "inf")) else {
            throw SyntaxError(line: line, problem: "no value")
        }
        let suffixes = types[current] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { current + $0 == name }) else {
            throw SyntaxError(line: line, problem: "not under its TYPE")
        }
        return Sample(name: String(name), labels: labels, value: value)
    }

    private static func label(_ rest: inout Substring, _ line: String) throws -> (String, String) {
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0 == "_") }
        rest = rest.dropFirst(name.count)
        guard !name.isEmpty, consume("=", &rest), consume("\"", &rest) else {
            throw SyntaxError(line: line, problem: "bad label")
        }
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return (String(name), value)
            case "\\":
                switch rest.popFirst() {
                case "n": value += "\n"
                case "\\": value += "\\"
                case "\"": value += "\""
                default: throw SyntaxError(line: line, problem: "bad escape")
                }
            default: value.append(character)
            }
        }
        throw SyntaxError(line: line, problem: "label value not closed")
    }

    private static func consume(_ character: Character, _ rest: inout Substring) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    /// Buckets grow, and the last one, `+Inf`, is the count.
    private func checkHistograms() throws {
        for name in types.filter({ $0.value == "histogram" }).keys {
            let buckets = samples.filter { $0.name == name + "_bucket" }
            let counts = buckets.map(\.value)
            guard counts == counts.sorted(), buckets.last?.labels["le"] == "+Inf", counts.last == value(name + "_count")
            else {
                throw SyntaxError(line: name, problem: "buckets do not add up")
            }
        }
    }
}
