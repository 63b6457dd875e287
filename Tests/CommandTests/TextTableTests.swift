import OTPContract
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
    }

    /// The widths that a newcomer has: a telephone, a window, a wide screen.
    @Test(arguments: [
        (40, "s-0123456…  verified  already_verified"),
        (80, "s-01234567890123456789012…  verified  already_verified       in doubt, replayed"),
    ])
    func aNarrowTerminalShowsWhatIsWorthMost(columns: Int, expected: String) throws {
        let event = ResultEvent(
            commandID: "c",
            sessionID: SessionID("s-01234567890123456789012345678901"),
            status: .verified,
            reason: .alreadyVerified,
            inDoubt: true,
            replayed: true,
            calls: 2,
            receivedAt: WallTime(milliseconds: 36_000_000),
            completedAt: WallTime(milliseconds: 36_000_180),
            source: Coordinates(topic: "t", partition: 3, offset: 42),
            worker: "w-0"
        )
        let line = ResultLine.table.fitted(to: columns).line(ResultLine.cells(event))
        #expect(line.count <= columns)
        #expect(line == expected)
    }

    @Test(arguments: [1, 5, 20, 37, 60, 119, 147, 200])
    func noLineIsWiderThanTheTerminal(columns: Int) {
        let cells = Array(repeating: String(repeating: "x", count: 300), count: 9)
        let table = ResultLine.table.fitted(to: columns)
        #expect(table.line(cells).count <= columns && table.header.count <= columns)
        #expect(columns < 147 || table.line(cells) == ResultLine.table.line(cells))
        let whole = TextTable([.init("A", worth: 1), .init("B", least: 3, worth: 2)]).text([cells], columns: columns)
        #expect(whole.split(separator: "\n").allSatisfy { $0.count <= columns })
    }

    @Test func columnsGoInTheOrderOfTheirWorth() {
        let table = TextTable([
            .init("A", width: 6, worth: 1), .init("B", width: 6, least: 4, worth: 4),
            .init("C", .right, width: 6, worth: 2),
            .init("D", width: 6, tight: 3, worth: 3),
        ])
        let cells = ["aaaaaa", "bbbbbb", "cccccc", "dddddd"]
        #expect(table.fitted(to: 30).line(cells) == "aaaaaa  bbbbbb  cccccc  dddddd")
        // What readily becomes narrower does, then the column of the least worth goes.
        #expect(table.fitted(to: 28).line(cells) == "aaaaaa  bbb…  cccccc  dddddd")
        #expect(table.fitted(to: 27).line(cells) == "bbbbbb  cccccc  dddddd")
        // Three columns are rather cut than left out.
        #expect(table.fitted(to: 19).line(cells) == "bbbbbb  cccccc  dd…")
        #expect(table.fitted(to: 17).line(cells) == "bbb…  cccccc  dd…")
        #expect(table.fitted(to: 15).line(cells) == "bbbbbb  dddddd")
        #expect(table.fitted(to: 5).line(cells) == "bbbb…")
        #expect(table.fitted(to: 2).line(cells) == "b…")
    }
}
