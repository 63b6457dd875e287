/// Who may import whom, as the architecture draws it: a target imports only from rows below its own, never sideways.
enum Layers {
    /// The rows, lowest first.
    private static let rows: [Set<String>] = [
        ["CRdKafka", "CProcess"],
        ["OTPContract"],
        ["OTPEngine"],
        ["OTPKafka", "CheckOTP", "OTPObservability", "OTPAudit", "Simulation"],
        ["OTPWorker", "OTPSandbox", "OTPVerifyClient", "OTPMonitor"],
        ["OTPDoctor"],
        ["otp-worker"],
    ]

    /// Those that decide and do nothing else.
    private static let pure: Set = ["OTPEngine", "OTPAudit", "OTPDoctor"]
    /// What they do without: I/O, clocks, threads, loggers and randomness.
    private static let foreignToThePure = [
        "Foundation", "NIO", "Dispatch", "Logging", "Crypto", "Glibc", "Darwin", "Musl",
    ]

    static func violations(_ source: Source) -> [Violation] {
        guard source.isSwift, let target = source.target else { return [] }
        let tested = source.isTest ? Self.tested(by: target) : target
        return imports(source).compactMap { line, module in
            problem(importing: module, into: tested, isTest: source.isTest)
                .map { Violation(path: source.path, line: line, problem: $0) }
        }
    }

    private static func problem(importing module: String, into target: String, isTest: Bool) -> String? {
        if isTest && module.replacing("_", with: "-") == target { return nil }
        if pure.contains(target), !isTest, foreignToThePure.contains(where: module.hasPrefix) {
            return "\(target) decides and does nothing else: it cannot import \(module)"
        }
        guard let imported = row(module) else { return nil }
        guard let own = row(target) ?? (target == "OTPTidy" ? 0 : nil) else {
            return "\(target) has no place in the layers: give it one"
        }
        if module == "CRdKafka" { return target == "OTPKafka" ? nil : "only OTPKafka imports CRdKafka" }
        if target == "OTPSandbox" {
            return "OTPSandbox imports nothing of ours, so that a mistake cannot agree with itself"
        }
        // A test of the shell may play against the fake upstream that stands beside it.
        if isTest && target == "OTPWorker" && module == "OTPSandbox" { return nil }
        return imported < own ? nil : "\(target) cannot import \(module), which is not below it"
    }

    /// The target that a test target is named after.
    private static func tested(by target: String) -> String {
        // A program of its own that may use everything, as the commands may.
        if target == "CommandTests" || target == "RestoreBenchmark" { return "otp-worker" }
        if target == "FuzzKit" { return "OTPContract" }
        if target == "AuditKit" { return "OTPAudit" }
        if target == "HotPath" { return "Simulation" }
        if target == "ClientTests" { return "OTPVerifyClient" }
        // The engine under a simulated broker, upstream and clock stands where the real ones do.
        if target.hasPrefix("Simulation") { return "Simulation" }
        guard target.hasSuffix("Tests") else { return target }
        let name = String(target.dropLast(5))
        return row(name) == nil ? "OTP" + name : name
    }

    private static func row(_ target: String) -> Int? {
        rows.firstIndex { $0.contains(target.replacing("_", with: "-")) }
    }

    /// The modules that a file imports, with their lines.
    static func imports(_ source: Source) -> [(line: Int, module: String)] {
        let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "var", "let"]
        return source.code.enumerated().compactMap { index, line in
            let words = line.split(whereSeparator: { " \t;".contains($0) }).map(String.init)
            guard let at = words.firstIndex(of: "import"), at + 1 < words.count else { return nil }
            let levels: Set = ["public", "package", "internal", "fileprivate", "private"]
            guard words[..<at].allSatisfy({ $0.hasPrefix("@") || levels.contains($0) }) else { return nil }
            let name = kinds.contains(words[at + 1]) && at + 2 < words.count ? words[at + 2] : words[at + 1]
            return (index + 1, String(name.prefix { $0 != "." }))
        }
    }
}
