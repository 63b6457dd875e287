#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the kernel knows about this process, read from `/proc`.
///
/// A fact that cannot be read is absent, never guessed.
package struct ProcessFacts: Sendable, Equatable {
    package var residentBytes: Double?
    package var cpuSeconds: Double?
    package var openFiles: Double?
    package var maxFiles: Double?
    package var startTime: Double?

    /// The facts of the running process, now.
    package static func current() -> ProcessFacts {
        var facts = ProcessFacts()
        let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
        // The second field, the program's name in brackets, may hold anything; the rest is counted from its end.
        if let stat = contents("/proc/self/stat"), let bracket = stat.lastIndex(of: ")") {
            let fields = stat[stat.index(after: bracket)...].split(separator: " ").map { Double($0) }
            facts.cpuSeconds = sum(field(fields, 14), field(fields, 15)).map { $0 / ticksPerSecond }
            facts.residentBytes = field(fields, 24).map { $0 * Double(getpagesize()) }
            if let ticks = field(fields, 22), let boot = word(1, ofLine: "btime ", in: contents("/proc/stat")) {
                facts.startTime = boot + ticks / ticksPerSecond
            }
        }
        facts.maxFiles = word(3, ofLine: "Max open files", in: contents("/proc/self/limits"))
        facts.openFiles = countEntries("/proc/self/fd")
        return facts
    }

    /// Fields are numbered as in proc(5), where the first after the name is number 3.
    private static func field(_ fields: [Double?], _ number: Int) -> Double? {
        let index = number - 3
        return fields.indices.contains(index) ? fields[index] : nil
    }

    private static func sum(_ first: Double?, _ second: Double?) -> Double? {
        guard let first, let second else { return nil }
        return first + second
    }

    private static func word(_ index: Int, ofLine prefix: String, in text: String?) -> Double? {
        guard let line = text?.split(separator: "\n").first(where: { $0.hasPrefix(prefix) }) else { return nil }
        let words = line.split(separator: " ")
        guard words.indices.contains(index) else { return nil }
        return words[index] == "unlimited" ? .infinity : Double(words[index])
    }

    private static func contents(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    private static func countEntries(_ path: String) -> Double? {
        guard let directory = opendir(path) else { return nil }
        defer { _ = closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Not counted: "." and "..", and the descriptor that reads the directory.
        return Double(max(0, count - 3))
    }
}

extension MetricRegistry {
    /// Exposes the `process_` metrics, read again at each rendering.
    package func exposeProcess(facts: @escaping @Sendable () -> ProcessFacts = ProcessFacts.current) {
        beforeRender { [unowned self] in
            let facts = facts()
            if let bytes = facts.residentBytes { gauge(.processResidentMemory).set(bytes) }
            if let seconds = facts.cpuSeconds { counter(.processCPU).set(total: seconds) }
            if let files = facts.openFiles { gauge(.processOpenFiles).set(files) }
            if let files = facts.maxFiles { gauge(.processMaxFiles).set(files) }
            if let time = facts.startTime { gauge(.processStartTime).set(time) }
        }
    }

    /// Sets the `build_info` metric.
    package func exposeBuild(version: String, librdkafka: String) {
        gauge(.buildInfo, version, librdkafka).set(1)
    }
}
