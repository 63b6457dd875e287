import OTPContract
import OTPWorker
import Testing

@Suite("Where a result goes that is asked for elsewhere")
struct ReplyRoutesTests {
    private func routes(mirrored: Int = 4) -> ReplyRoutes {
        ReplyRoutes(
            standard: "results",
            partitions: 4,
            mirrored: mirrored,
            allowed: ["replies", "later"],
            found: ["replies": 2, "commands": 8]
        )
    }

    @Test func withoutAWishItMirrorsItsCommandWhereItCan() {
        #expect(routes().route(nil, from: 3) == .init("results", 3, .standard))
        #expect(routes(mirrored: 3).route(nil, from: 3) == .init("results", nil, .standard))
        #expect(routes().route(ReplyAddress(topic: "results"), from: 3) == .init("results", 3, .standard))
    }

    @Test func anAllowedTopicIsUsedAndSoIsItsPartition() {
        #expect(routes().route(ReplyAddress(topic: "replies"), from: 3) == .init("replies", nil, .routed))
        #expect(routes().route(ReplyAddress(topic: "replies", partition: 1), from: 3) == .init("replies", 1, .routed))
        #expect(routes().route(ReplyAddress(topic: nil, partition: 2), from: 3) == .init("results", 2, .routed))
        #expect(routes().route(ReplyAddress(topic: "results", partition: 2), from: 3) == .init("results", 2, .routed))
    }

    @Test(arguments: ["commands", "", "Replies", "replies "])
    func anyOtherTopicIsNot(topic: String) {
        #expect(routes().route(ReplyAddress(topic: topic, partition: 1), from: 3) == .init("results", 3, .notAllowed))
    }

    @Test(arguments: [("replies", 2), ("replies", -1), ("later", nil), (nil, 4), (nil, -1)] as [(String?, Int32?)])
    func whatDoesNotExistFallsBack(topic: String?, partition: Int32?) {
        let address = ReplyAddress(topic: topic, partition: partition)
        #expect(routes().route(address, from: 3) == .init("results", 3, .unavailable))
    }

    @Test func whatWasFoundLaterIsUsedFromThenOnAndWhatRefusesNoLonger() {
        var routes = routes()
        routes.refused("replies")
        #expect(routes.route(ReplyAddress(topic: "replies"), from: 0).kind == .unavailable)
        routes.replyTopicsFound(["replies": 3, "later": 1])
        #expect(routes.route(ReplyAddress(topic: "replies", partition: 2), from: 0).kind == .routed)
        #expect(routes.route(ReplyAddress(topic: "later"), from: 0).kind == .routed)
        // The default topic is the last resort: nothing takes it away.
        routes.refused("results")
        routes.grew(to: 6, mirrored: 6)
        #expect(routes.route(ReplyAddress(topic: nil, partition: 5), from: 5) == .init("results", 5, .routed))
    }
}
