import OTPContract
import OTPEngine
import OTPWorker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What restoring a partition costs, decoding and digests included: records per second of CPU time, and memory per session.
///
/// `swift run -c release restore-benchmark [millions of live sessions] [millions that are gone]`. The records come from a
/// generator, two for each session (its intent and its state), those gone by first; making them is not counted.
@main
struct RestoreBenchmark {
    private static let now = WallTime(milliseconds: 1_790_000_000_000)
    private static let retention = Duration.seconds(1_800)

    static func main() {
        let arguments = CommandLine.arguments.dropFirst().compactMap { Double($0) }
        let live = Int((arguments.first ?? 1) * 1_000_000)
        let gone = Int((arguments.dropFirst().first ?? 1.5) * 1_000_000)
        let before = residentBytes()
        var restore = LedgerRestore(.init(retention: retention, committed: .max, finished: nil), process: 1, at: now)
        var seconds = 0.0
        var offset: Int64 = 0
        for start in stride(from: 0, to: gone + live, by: 5_000) {
            var records: [LedgerRecord] = []
            for number in start..<min(start + 5_000, gone + live) { records += pair(number, isGone: number < gone) }
            let encoded = records.map { (key: $0.key, value: $0.value) }
            let began = cpuSeconds()
            for (key, value) in encoded {
                restore.apply(key: key, value: value, offset: offset, timestamp: now, digest: Fingerprinter.digest)
                offset += 1
            }
            seconds += cpuSeconds() - began
        }
        let began = cpuSeconds()
        let ledger = restore.finished().ledger
        seconds += cpuSeconds() - began
        let bytes = (residentBytes() - before) / max(ledger.count, 1)
        print(
            "\(offset) records, \(Int(Double(offset) / seconds)) a second; \(ledger.count) sessions, \(bytes) bytes each"
        )
    }

    private static func pair(_ number: Int, isGone: Bool) -> [LedgerRecord] {
        guard let session = SessionID("order-\(number)-5f3c9a") else { return [] }
        let age = isGone ? retention * 2 : retention / 2
        let time = WallTime(milliseconds: now.milliseconds - age.milliseconds)
        let high = UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15
        let fingerprint = Fingerprint(keyID: 7, high: high, low: ~high)
        let outcome = Outcome(.ok, code: 0, message: "Başarılı İşlem", httpStatus: 200)
        let state = CodeState(fingerprint: fingerprint, outcome: outcome, source: Int64(number), time: time)
        return [
            LedgerRecord(session: session, content: .intent(fingerprint, source: Int64(number), time: time)),
            LedgerRecord(session: session, content: .state([state], isClosed: true)),
        ]
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
            separator: " "
        )
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
