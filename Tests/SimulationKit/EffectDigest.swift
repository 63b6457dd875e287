import OTPEngine

/// One number for everything that engines wanted done: two versions of the engine that differ in nothing that shows outside have
/// the same, seed for seed.
///
/// It is of the form and content of values, never of the names of types, modules or files: cases, labels and what stands in them.
/// What must not be printed (codes, phones) counts by the fixed text that it prints.
package struct EffectDigest: Equatable, Sendable {
    /// FNV-1a, for it only has to tell an accident from none.
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte) }
        add(0xFF)
    }

    private mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

    mutating func add(_ effects: [Effect], of worker: String) {
        for effect in effects {
            add(worker)
            add(Self.text(of: effect))
        }
    }

    /// What an engine says of itself.
    mutating func add(_ status: EngineStatus) { add(Self.text(of: status)) }

    mutating func add(_ coverage: Coverage) {
        for line in coverage.counts.map({ "\(Self.text(of: $0.key)) \($0.value)" }).sorted() { add(line) }
    }

    /// A value as text without the names of types: `case(label:value,…)`, `(label:value,…)`, `[value,…]`, sets and dictionaries in the
    /// order of their texts.
    static func text(of value: Any) -> String {
        if let bytes = value as? [UInt8] { return "\(bytes)" }
        let mirror = Mirror(reflecting: value)
        let children = mirror.children.map { child in
            (child.label.map { $0 + ":" } ?? "") + text(of: child.value)
        }
        switch mirror.displayStyle {
        case .set, .dictionary: return "{" + children.sorted().joined(separator: ",") + "}"
        case .optional: return children.first ?? "nil"
        case .enum: return children.isEmpty ? "\(value)" : "." + children.joined(separator: ",")
        case nil: return "\(value)"
        default: return children.isEmpty ? "\(value)" : "(" + children.joined(separator: ",") + ")"
        }
    }
}
