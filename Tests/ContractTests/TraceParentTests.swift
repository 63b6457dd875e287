import OTPContract
import Testing

@Suite("The trace id of a traceparent, which is a log field only if it is one")
struct TraceParentTests {
    private static let id = "4bf92f3577b34da6a3ce929d0e0e4736"

    private func traceID(_ text: String) -> String? {
        TraceParent.traceID(in: [Header(name: "other", text: "x"), Header(name: "traceparent", text: text)])
    }

    @Test(arguments: [
        "00-\(id)-00f067aa0ba902b7-01", "00-\(id)-00f067aa0ba902b7-00", "01-\(id)-00f067aa0ba902b7-01",
        "cc-\(id)-00f067aa0ba902b7-01-what-comes-later",
    ])
    func ofThisAndLaterVersions(_ text: String) { #expect(traceID(text) == Self.id) }

    @Test(arguments: [
        "", "00", "00-\(id)-00f067aa0ba902b7", "00-\(id)-00f067aa0ba902b7-01-", "00-\(id)-00f067aa0ba902b7-01x",
        "ff-\(id)-00f067aa0ba902b7-01", "01-\(id)-00f067aa0ba902b7-01x", "00-\(id.uppercased())-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-\(id)-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01", "00_\(id)-00f067aa0ba902b7-01",
        "00-5324818942ART2345324818942ART234-00f067aa0ba902b7-01", " 00-\(id)-00f067aa0ba902b7-0",
    ])
    func elseThereIsNone(_ text: String) { #expect(traceID(text) == nil) }

    @Test func aNullValueOrNoHeaderIsNone() {
        #expect(TraceParent.traceID(in: []) == nil)
        #expect(TraceParent.traceID(in: [Header(name: "traceparent", value: nil)]) == nil)
    }
}
