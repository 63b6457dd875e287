extension BinaryInteger {
    /// The number with its noun, which takes an `s` unless there is one: `1 command`, `2 commands`, `0 commands`.
    package func counted(_ noun: String) -> String { self == 1 ? "1 \(noun)" : "\(self) \(noun)s" }
}
