import Foundation
import FuzzKit

/// Runs the decoder's fuzz for as long as one likes; the unit tests run a little of it.
///
///     FUZZ_INPUTS=10000000 swift run -c release fuzz-decoder [seed]
@main
enum Fuzz {
    static func main() {
        let count = ProcessInfo.processInfo.environment["FUZZ_INPUTS"].flatMap(Int.init) ?? 1_000_000
        let seed = CommandLine.arguments.dropFirst().first.flatMap(UInt64.init) ?? 1
        var fuzz = DecoderFuzz(golden: golden, seed: seed)
        let start = ContinuousClock.now
        fuzz.run(count)
        print("\(count) inputs, seed \(seed), \(ContinuousClock.now - start)")
        for (reason, count) in fuzz.reasons.sorted(by: { $0.key < $1.key }) { print("  \(reason): \(count)") }
        print("\(fuzz.sentences.count) different sentences, numbers aside; \(fuzz.faults.count) faults")
        for fault in fuzz.faults { print("  \(fault.what): \(fault.value)") }
        if !fuzz.faults.isEmpty { exit(1) }
    }

    /// The golden commands of the contract's tests.
    private static var golden: [[UInt8]] {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return ["command-v1-minimal.json", "command-v1-full.json"].compactMap { name in
            FileManager.default.contents(atPath: "/\(folder)/ContractTests/Golden/\(name)").map { Array($0) }
        }
    }
}
