import Contract
import Testing
import otp_worker

/// Tables align whatever is in them.
struct TextTableTests {
    @Test func columnsAreAsWideAsTheirWidestCell() {
        let table = TextTable([.init("NAME"), .init("COUNT", .right), .init("NOTE")])
        let text = table.text([["şarj", "7", "a"], ["longer name", "1234567", ""]])
        #expect(
            text == """
                NAME           COUNT  NOTE
                ───────────  ───────  ────
                şarj               7  a
                longer name  1234567
                """
        )
    }

    @Test func aColumnThatHasAWidthCutsWhatIsLonger() {
        let table = TextTable([.init("ID", width: 6), .init("N", .right, width: 3)])
        #expect(table.header == "ID        N")
        #expect(table.line(["abcdef", "1"]) == "abcdef    1")
        #expect(table.line(["abcdefgh", "12345"]) == "abcde…  12…")
        #expect(table.line([]) == "")
    }

    @Test func whatOthersWroteCannotSteerTheTerminal() {
        let table = TextTable([.init("ID", width: 12)])
        #expect(table.line(["a\u{1b}[2Jb\nc\u{9b}d"]) == "a·[2Jb·c·d")
    }

    @Test func aResultIsOneLine() throws {
        let event = ResultEvent(
            commandID: "c",
            sessionID: SessionID("s-1"),
            status: .rejected,
            reason: .wrongCode,
            inDoubt: true,
            replayed: true,
            calls: 2,
            receivedAt: WallTime(milliseconds: 1_000),
            completedAt: WallTime(milliseconds: 1_180),
            source: Coordinates(topic: "t", partition: 3, offset: 42),
            worker: "w-0"
        )
        #expect(
            ResultLine.cells(event) == [
                "00:00:01.180", "s-1", "rejected", "wrong_code", "2", "180", "in doubt, replayed", "3/42", "w-0",
            ]
        )
        let value = Array("{\"a\":1,\r\n \"b\":2}".utf8)
        #expect(String(decoding: ResultLine.json(value), as: UTF8.self) == "{\"a\":1,   \"b\":2}")
    }
}
