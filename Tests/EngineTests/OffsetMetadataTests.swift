import OTPEngine
import Testing

@Suite("What travels with a committed offset, to the byte")
struct OffsetMetadataTests {
    private static let bitmap = OffsetMetadata(
        clusterID: "MkU3OEVBNTcwNTJENDM2Qg",
        committedOffset: 1_000,
        batch: BatchID(process: 0x0807_0605_0403_0201, counter: 9),
        ledgerOffset: 77,
        finished: [1_001, 1_008, 1_009, 1_024]
    )

    @Test func v1IsWrittenAndReadBackForEver() throws {
        let plain = OffsetMetadata(
            clusterID: "c",
            committedOffset: 0,
            batch: BatchID(process: 0, counter: 0),
            ledgerOffset: 0,
            finished: []
        )
        for (name, metadata) in [("bitmap", Self.bitmap), ("plain", plain)] {
            let text = try #require(Golden.lines("offset-metadata-v1-\(name)").first)
            #expect(metadata.encoded == text)
            #expect(OffsetMetadata(text) == metadata)
        }
    }

    @Test func whatWasWrittenIsReadBack() {
        var random = SplitMix64(seed: 6)
        for _ in 0..<500 {
            let committedOffset = Int64.random(in: 0...1 << 50, using: &random)
            let bits = Set(
                (0..<Int.random(in: 0...50, using: &random)).map { _ in
                    Int64.random(in: 0..<Limits.window >> Int64.random(in: 0...12, using: &random), using: &random)
                }
            )
            let metadata = OffsetMetadata(
                clusterID: String(repeating: "c", count: .random(in: 0...Limits.clusterIDBytes, using: &random)),
                committedOffset: committedOffset,
                batch: BatchID(process: random.next(), counter: random.next()),
                ledgerOffset: .random(in: 0...(.max), using: &random),
                finished: bits.sorted().map { committedOffset + 1 + $0 }
            )
            #expect(OffsetMetadata(metadata.encoded) == metadata)
        }
    }

    @Test func aFullWindowFitsWhatABrokerKeeps() {
        let full = OffsetMetadata(
            clusterID: String(repeating: "c", count: Limits.clusterIDBytes),
            committedOffset: .max - Limits.window - 1,
            batch: BatchID(process: .max, counter: .max),
            ledgerOffset: .max,
            finished: (1...Limits.window).map { .max - Limits.window - 1 + $0 }
        )
        #expect(full.encoded.utf8.count <= Limits.offsetMetadataBytes)
        #expect(OffsetMetadata(full.encoded) == full)
    }

    @Test func whatAnotherProgramWroteIsNone() {
        let valid = Self.bitmap.encoded
        let texts = [
            "", "x", "AAAA", "Ag==", "leader-epoch:7", valid + "AAA", valid + "=", "=" + valid, " " + valid,
            String(valid.dropLast()), valid.replacing("A", with: "-"),
            String(repeating: "A", count: Limits.offsetMetadataBytes + 4),
        ]
        for text in texts { #expect(OffsetMetadata(text) == nil, "\(text)") }
    }

    @Test func truncatedAndMutatedTextsAreNoneOrExactlyWhatTheySay() {
        let valid = Array(Self.bitmap.encoded.utf8)
        for end in valid.indices {
            guard let read = OffsetMetadata(String(decoding: valid[..<end], as: UTF8.self)) else { continue }
            // Only the bitmap can be cut without a trace: then fewer are known to be finished, never others.
            #expect(read.committedOffset == Self.bitmap.committedOffset && read.batch == Self.bitmap.batch)
            #expect(Set(read.finished).isSubset(of: Self.bitmap.finished))
        }
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            var text = valid
            text[Int.random(in: text.indices, using: &random)] = UInt8.random(in: 32..<127, using: &random)
            guard let read = OffsetMetadata(String(decoding: text, as: UTF8.self)) else { continue }
            let committed = read.committedOffset
            #expect(read.finished.allSatisfy { $0 > committed && $0 <= committed + Limits.window })
            #expect(read.committedOffset >= 0 && read.ledgerOffset >= 0)
            #expect(OffsetMetadata(read.encoded) == read)
        }
    }
}
