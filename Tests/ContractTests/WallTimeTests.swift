import Contract
import Testing
@Suite struct WallTimeTests {
    @Test func first() { #expect(WallTime(milliseconds: 0).iso8601 == "1970-01-01T00:00:00.000Z") }
}
