import Testing
import otp_worker

/// A session must go where every other producer sends it.
///
/// The values are those of Kafka's own tests of `Utils.murmur2`.
struct KeyPartitionerTests {
    @Test(arguments: [
        ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ])
    func agreesWithJava(_ key: String, _ hash: Int32) {
        #expect(Int32(bitPattern: KeyPartitioner.murmur2(Array(key.utf8))) == hash)
    }

    @Test func aNegativeHashIsAPartitionToo() {
        #expect(KeyPartitioner.partition(of: Array("foobar".utf8), count: 8) == (-790_332_482 & 0x7fff_ffff) % 8)
        for number in 0..<200 {
            #expect((0..<3).contains(KeyPartitioner.partition(of: Array("k\(number)".utf8), count: 3)))
        }
    }
}
