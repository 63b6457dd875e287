import OTPKafka
import Testing

/// A session must go where every other producer sends it.
@Suite("KeyPartitioner: agrees with the clients it stands for")
struct KeyPartitionerTests {
    /// The values are those of Kafka's own tests of `Utils.murmur2`.
    @Test(arguments: [
        ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ])
    func agreesWithJava(_ key: String, _ hash: Int32) {
        #expect(Int32(bitPattern: KeyPartitioner.murmur2.hash(Array(key.utf8))) == hash)
    }

    /// The check value of CRC-32, and others of zlib.
    @Test(
        arguments: [("123456789", 0xcbf4_3926), ("", 0), ("a", 0xe8b7_be43), ("abc", 0x3524_41c2)] as [(String, UInt32)]
    )
    func agreesWithZlib(_ key: String, _ hash: UInt32) {
        #expect(KeyPartitioner.crc32.hash(Array(key.utf8)) == hash)
    }

    @Test func aNegativeHashIsAPartitionToo() {
        let key = Array("foobar".utf8)
        #expect(KeyPartitioner.murmur2.partition(of: key, count: 8) == (-790_332_482 & 0x7fff_ffff) % 8)
        for number in 0..<200 {
            for partitioner in KeyPartitioner.allCases {
                #expect((0..<3).contains(partitioner.partition(of: Array("k\(number)".utf8), count: 3)))
            }
        }
    }
}
