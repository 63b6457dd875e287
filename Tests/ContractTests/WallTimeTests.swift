import Contract
import Foundation
import FuzzKit
import Testing

@Suite("WallTime: ISO 8601 in, ISO 8601 out, milliseconds between")
struct WallTimeTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("2017-07-17T15:30:15.0581408+03:00", 1_500_294_615_058),
            ("2017-07-17T15:30:15+03:00", 1_500_294_615_000),
            ("2026-11-23T10:00:00.000Z", 1_795_428_000_000),
            ("2026-11-23T10:00:00.999999999Z", 1_795_428_000_999),
            ("2026-11-23T10:00:00.5Z", 1_795_428_000_500),
            ("2026-11-23T00:30:00-09:30", 1_795_428_000_000),
            ("2026-11-23T10:00Z", 1_795_428_000_000), ("2026-11-23T13:00+03:00", 1_795_428_000_000),
            ("2026-11-23t10:00:00z", 1_795_428_000_000), ("2026-11-23T13:00:00+0300", 1_795_428_000_000),
            ("2026-11-23T13:00:00+03", 1_795_428_000_000), ("2026-11-23T13:00:00.250+03", 1_795_428_000_250),
            ("2026-11-23t13:00+03", 1_795_428_000_000), ("2026-11-23T00:30-0930", 1_795_428_000_000),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] as [(String, Int64)]
    )
    func reads(text: String, milliseconds: Int64) {
        #expect(WallTime(iso8601: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-11-23", "2026-11-23T10:00:00", "2026-11-23T10:00", "2026-11-23 10:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z", "2026-11-00T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z",
        "2026-11-23T10:00:61Z", "2026-11-23T10:00:00.Z", "2026-11-23T10:00:00.0000000000Z",
        "2026-11-23T10:00:00+3:00", "2026-11-23T10:00:00+300", "2026-11-23T10:00:00+24:00", "2026-11-23T10:00:00+03:",
        "2026-11-23T10:00:00+03:60", "2026-11-23T10:00:00+0360", "2026-11-23T10:00:00+03:0",
        "2026-11-23T10:00:00+03000",
        "2026-11-23T10:00:00Zx", " 2026-11-23T10:00:00Z", "2026-11-23T10:00:00+", "2026-11-23T10:00.5Z",
        "2026-11-23T10Z",
        "2026-11-23T10:00:Z", "2026-11-23T10:00:0Z",
        "+026-11-23T10:00:00Z", "２０２６-11-23T10:00:00Z",
    ])
    func refuses(text: String) {
        #expect(WallTime(iso8601: text) == nil)
    }

    @Test func writesWhatItReads() throws {
        var generator = SeededGenerator(state: 7)
        for _ in 0..<2000 {
            let time = WallTime(
                milliseconds: Int64.random(in: -62_167_219_200_000...253_402_300_799_999, using: &generator)
            )
            #expect(WallTime(iso8601: time.iso8601) == time)
        }
    }

    @Test func agreesWithAnotherCalendar() {
        var generator = SeededGenerator(state: 8)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        // From 1583 on; before it, other calendars are Julian.
        for _ in 0..<2000 {
            let seconds = Int64.random(in: -12_212_553_600...253_402_300_799, using: &generator)
            let other = Date(timeIntervalSince1970: Double(seconds)).formatted(style)
            #expect(WallTime(milliseconds: seconds * 1000).iso8601 == other.replacing("Z", with: ".000Z"))
        }
    }

    @Test func staysWithinWhatTheFormatCanExpress() {
        #expect(WallTime(milliseconds: .max).iso8601 == "9999-12-31T23:59:59.999Z")
        #expect(WallTime(milliseconds: .min).iso8601 == "0000-01-01T00:00:00.000Z")
        #expect(WallTime(milliseconds: -1) < WallTime(milliseconds: 0))
    }
}
