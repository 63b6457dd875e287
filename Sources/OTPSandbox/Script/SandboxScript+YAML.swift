import Yams

/// Why a script cannot be used: the field, by its path, and what is wrong with it.
package struct SandboxScriptError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

extension SandboxScript {
    /// Reads a script.
    ///
    /// ```yaml
    /// phases:
    ///   - name: outage
    ///     seconds: 30
    ///     faults: [{action: status, status: 503}]
    ///   - name: lossy
    ///     calls: 1000
    ///     latency_ms: [10, 50]
    ///     rate_limit: 100
    ///     faults: [{action: cut-after, fraction: 0.05}]
    /// repeat: false
    /// ```
    /// A list of rules alone is one phase without an end; see ``FaultRule/init(from:)`` for a rule. JSON is YAML too.
    /// Throws a ``SandboxScriptError``.
    package init(yaml text: String) throws {
        do {
            self = try YAMLDecoder().decode(SandboxScript.self, from: text)
        } catch let error as DecodingError {
            throw SandboxScriptError(error)
        } catch {
            throw SandboxScriptError(description: "not YAML: \(error)")
        }
    }
}

extension SandboxScript: Decodable {
    private enum Key: String, CodingKey, CaseIterable {
        case phases
        case repeats = "repeat"
    }

    package init(from decoder: any Decoder) throws {
        if var rules = try? decoder.unkeyedContainer() {
            var faults: [FaultRule] = []
            while !rules.isAtEnd { faults.append(try rules.decode(FaultRule.self)) }
            self.init(faults: faults)
            return
        }
        let fields = try decoder.fields(Key.self)
        self.init(
            try fields.decode([Phase].self, forKey: .phases),
            repeats: try fields.decodeIfPresent(Bool.self, forKey: .repeats) ?? false
        )
        guard (1...Self.maximumPhases).contains(phases.count) else {
            throw fields.fault(.phases, "1 to \(Self.maximumPhases) of them")
        }
        let withEnd = repeats ? phases[...] : phases.dropLast()
        guard withEnd.allSatisfy({ !$0.isEndless }) else {
            throw fields.fault(.phases, "one without `seconds` or `calls` never ends, so what follows never comes")
        }
        for index in phases.indices where phases[index].name.isEmpty { phases[index].name = "phase \(index + 1)" }
    }
}

extension SandboxScript.Phase: Decodable {
    private enum Key: String, CodingKey, CaseIterable {
        case name, seconds, calls, faults
        case latency = "latency_ms"
        case rateLimit = "rate_limit"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(Key.self)
        self.init(
            try fields.decodeIfPresent(String.self, forKey: .name) ?? "",
            for: try fields.decodeIfPresent(Double.self, forKey: .seconds).map { .seconds($0) },
            calls: try fields.decodeIfPresent(Int.self, forKey: .calls),
            faults: try fields.decodeIfPresent([FaultRule].self, forKey: .faults) ?? [],
            latency: try Self.latency(fields),
            rateLimit: try fields.decodeIfPresent(Int.self, forKey: .rateLimit)
        )
        if let duration, !(.milliseconds(10) ... .seconds(1_000_000)).contains(duration) {
            throw fields.fault(.seconds, "0.01 to 1000000")
        }
        if let calls, calls < 1 { throw fields.fault(.calls, "from 1 on") }
        if let rateLimit, rateLimit < 1 { throw fields.fault(.rateLimit, "from 1 on") }
    }

    /// `20` or `[10, 50]`.
    private static func latency(_ fields: KeyedDecodingContainer<Key>) throws -> ClosedRange<Duration>? {
        guard fields.contains(.latency) else { return nil }
        let one = try? fields.decode(Int.self, forKey: .latency)
        let bounds = try one.map { [$0, $0] } ?? fields.decode([Int].self, forKey: .latency)
        guard bounds.count == 2, (0...3_600_000).contains(bounds[0]), (bounds[0]...3_600_000).contains(bounds[1]) else {
            throw fields.fault(.latency, "a number or [lowest, highest], up to 3600000")
        }
        return .milliseconds(bounds[0]) ... .milliseconds(bounds[1])
    }
}

extension Decoder {
    /// The fields of a mapping; one that is not among the keys is an error, as it may be a misspelt limit.
    func fields<Key: CodingKey & CaseIterable>(_ type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let names = Set(Key.allCases.map(\.stringValue))
        let unknown = try container(keyedBy: AnyKey.self).allKeys.first { !names.contains($0.stringValue) }
        if let unknown {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath + [unknown], debugDescription: "no such field")
            )
        }
        return try container(keyedBy: Key.self)
    }
}

extension KeyedDecodingContainer {
    /// The error that says what is wrong with a field.
    func fault(_ key: Key, _ text: String) -> DecodingError {
        DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: text)
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) {
        return nil
    }
}

extension SandboxScriptError {
    fileprivate init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context): self.init(context.codingPath + [key], "missing")
        case .typeMismatch(_, let context): self.init(context.codingPath, "of the wrong type")
        case .valueNotFound(_, let context): self.init(context.codingPath, "empty")
        case .dataCorrupted(let context):
            // Where the text is no YAML at all, only the error beneath tells the line.
            let cause = context.underlyingError.map { ": \($0)" } ?? ""
            self.init(context.codingPath, context.debugDescription + cause)
        @unknown default: self.init([], "\(error)")
        }
    }

    private init(_ path: [any CodingKey], _ text: String) {
        var location = ""
        for key in path {
            if let index = key.intValue {
                location += "[\(index)]"
            } else {
                location += location.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        self.init(description: location.isEmpty ? text : "\(location): \(text)")
    }
}
