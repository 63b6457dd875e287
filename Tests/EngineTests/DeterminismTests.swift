import OTPContract
import OTPEngine
import Testing

@Suite("The same events have the same effects")
struct DeterminismTests {
    /// Random commands, answers and endings over twelve partitions.
    private func play(seed: UInt64) -> [String] {
        var random = SplitMix64(seed: seed)
        let partitions: Range<Int32> = 0..<12
        let worker = Transcript { $0.admission = Admission(high: 60, low: 20) }
        var lines = worker.start()
        for partition in partitions { lines += worker.assign(partition) }
        var next: [Int32: Int64] = [:]
        let answers: [UpstreamAnswer] = [.code(0), .code(1), .cut, .status(429), .notSent]
        for step in 0..<600 {
            let partition = Int32.random(in: partitions, using: &random)
            let offset = next[partition] ?? 0
            let asked = Int64.random(in: 0...offset, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                let session = "s\(Int.random(in: 0..<30, using: &random))"
                let code = ["A", "B", "C"][Int.random(in: 0..<3, using: &random)]
                lines += worker.receive(offset, session, code, in: partition)
                next[partition] = offset + 1
            case 2: lines += endBatch(lines, worker)
            case 3: lines += worker.pass(.milliseconds(Int64.random(in: 1...40, using: &random)))
            default:
                let id = Line.text(worker.id(asked, partition))
                guard
                    let last = lines.last(where: {
                        $0.hasPrefix("intent \(id) ") || $0 == "call \(id)" || $0 == "done \(id)"
                    })
                else { continue }
                if last.hasPrefix("intent") { lines += worker.intentWritten(asked, in: partition) }
                if last.hasPrefix("call") {
                    let answer = answers[Int.random(in: answers.indices, using: &random)]
                    lines += ["done \(id)"] + worker.answered(asked, in: partition, answer)
                }
            }
            if step == 300 { lines += worker.happens(.revoked([1, 3, 5])) }
        }
        return lines + worker.happens(.drainRequested) + worker.pass(.seconds(30))
    }

    private func endBatch(_ lines: [String], _ worker: Transcript) -> [String] {
        worker.batch == nil ? [] : lines.count.isMultiple(of: 3) ? worker.aborted(.transient) : worker.committed()
    }

    @Test func aRunCanBeRepeated() {
        for seed: UInt64 in 0..<3 {
            let first = play(seed: seed)
            #expect(first.count > 250)
            for _ in 0..<2 { #expect(play(seed: seed) == first) }
        }
    }
}
