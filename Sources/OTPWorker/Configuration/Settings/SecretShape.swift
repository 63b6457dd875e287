import OTPContract

/// Tells by its looks what may be a secret, so that no message repeats one that was put in the wrong place.
///
/// It errs on the side of hiding: where the value was written is told in any case.
enum SecretShape {
    /// What stands in a message in the place of such a value.
    static let hiddenValue = "the value (not shown, it may be a secret)"
    /// What stands in the place of a name, such as one of a setting that there is not.
    static let hiddenName = "(a name that may be a secret)"

    private static let marks = ["sck_", "pck_", "private key", "-----begin", "basic ", "bearer "]
    private static let assignments = ["password", "passphrase", "secret", "token"]

    /// Whether a value, whatever it was written for, may be a secret or hold one.
    static func isLikely(_ text: String) -> Bool {
        let lower = text.lowercased()
        return marks.contains { lower.contains($0) } || isAssignment(lower) || hasUserInfo(text) || isRandom(text)
    }

    /// Whether a name holds a key: nobody calls a setting so.
    static func isKey(_ name: String) -> Bool {
        let lower = name.lowercased()
        return ["sck_", "pck_", "-----begin"].contains { lower.contains($0) }
    }

    /// The name, unless it holds a key.
    static func shown(_ name: String) -> String { isKey(name) ? hiddenName : name }

    /// Whether the value of a property gives a secret, as `sasl.jaas.config` does.
    static func isSecretValue(_ text: String) -> Bool {
        let lower = text.lowercased()
        return lower.contains("private key") || isKey(text) || isAssignment(lower)
    }

    /// Whether a text may be repeated as the path that it was meant to be.
    ///
    /// A secret in its place has no folder before it, or is no file's name.
    static func isPath(_ text: String) -> Bool {
        ["/", "./", "../", "~/"].contains { text.hasPrefix($0) } && !isLikely(text)
    }

    /// `password=…`, with or without blanks.
    private static func isAssignment(_ lower: String) -> Bool {
        let packed = lower.filter { !$0.isWhitespace && $0 != "\"" }
        return assignments.contains { packed.contains($0 + "=") }
    }

    /// `user:password@host`.
    private static func hasUserInfo(_ text: String) -> Bool {
        guard let at = text.lastIndex(of: "@") else { return false }
        return text[..<at].contains(":")
    }

    /// A long run of letters and digits without a word in it.
    private static func isRandom(_ text: String) -> Bool {
        text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "+" || $0 == "=")) }.contains { run in
            guard run.contains(where: \.isNumber), run.contains(where: \.isLetter) else { return false }
            let isMixed = run.contains(where: \.isUppercase) && run.contains(where: \.isLowercase)
            return run.count >= (isMixed ? 16 : 24)
        }
    }
}
