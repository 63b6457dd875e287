import OTPContract
import Testing

@Suite("Where a command asks for its result")
struct ReplyAddressTests {
    private let topic = Header(name: "kafka_replyTopic", text: "replies")

    @Test func readsWhatSpringWrites() throws {
        let partition = Header(name: "kafka_replyPartition", value: [0, 0, 1, 2])
        #expect(ReplyAddress(in: [topic, partition]) == ReplyAddress(topic: "replies", partition: 258))
        #expect(ReplyAddress(in: [topic]) == ReplyAddress(topic: "replies"))
        #expect(ReplyAddress(in: [partition]) == ReplyAddress(topic: nil, partition: 258))
        #expect(ReplyAddress(in: [topic, Header(name: topic.name, text: "last")]) == ReplyAddress(topic: "last"))
    }

    /// As NestJS and others that know headers as text only write it; four digits too.
    @Test(arguments: [
        ("2", 2), ("0", 0), ("007", 7), ("1234", 1234), ("2147483647", 2_147_483_647), ("2147483648", -1),
        ("9999999999", -1),
    ])
    func aPartitionMayBeText(text: String, partition: Int32) {
        let header = Header(name: "kafka_replyPartition", text: text)
        #expect(ReplyAddress(in: [topic, header]) == ReplyAddress(topic: "replies", partition: partition))
    }

    @Test func asksForNothingWithoutEither() {
        #expect(ReplyAddress(in: []) == nil)
        #expect(ReplyAddress(in: [Header(name: "kafka_replytopic", text: "replies")]) == nil)
        #expect(ReplyAddress(in: [Header(name: topic.name, value: nil)]) == nil)
    }

    @Test(arguments: [
        [], [1], [0, 0, 0, 0, 1], [0xff, 0xff, 0xff, 0xff], [0x80, 0, 0, 0], Array("-1".utf8), Array(" 1".utf8),
        Array("1.0".utf8), Array("00000000001".utf8),
    ])
    func aPartitionThatCannotBeReadIsOneThatNoTopicHas(bytes: [UInt8]) {
        let header = Header(name: "kafka_replyPartition", value: bytes)
        #expect(ReplyAddress(in: [topic, header]) == ReplyAddress(topic: "replies", partition: -1))
    }

    @Test(arguments: [[0xff], Array(repeating: 0x61, count: 250), []])
    func aTopicThatCannotBeReadIsNone(bytes: [UInt8]) {
        #expect(ReplyAddress(in: [Header(name: topic.name, value: bytes)]) == ReplyAddress(topic: ""))
    }
}
