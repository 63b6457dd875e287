import OTPContract
import Testing

@Suite("JSON Pointer, RFC 6901")
struct JSONPointerTests {
    /// The document and the pointers of the RFC's own examples, those that a settings file can hold.
    private static let document = """
        {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8,"ç":{"ş":9}}
        """

    @Test(
        arguments: [
            ("/foo/0", .string("bar")), ("/foo/1", .string("baz")), ("/", .number("0")), ("/a~1b", .number("1")),
            ("/c%d", .number("2")), ("/e^f", .number("3")), ("/g|h", .number("4")), ("/i\\j", .number("5")),
            ("/k\"l", .number("6")), ("/ ", .number("7")), ("/m~0n", .number("8")), ("/ç/ş", .number("9")),
        ] as [(String, JSON)]
    )
    func findsWhatTheRFCFinds(text: String, value: JSON) throws {
        let pointer = try #require(JSONPointer(text))
        #expect(pointer.description == text)
        #expect(try JSON.parse(Array(Self.document.utf8))[pointer] == value)
    }

    @Test func theEmptyOneIsTheWhole() throws {
        let json = try JSON.parse(Array(Self.document.utf8))
        #expect(json[try #require(JSONPointer(""))] == json)
    }

    @Test(arguments: [
        "/foo/2", "/foo/-", "/foo/01", "/foo/-1", "/foo/1e0", "/foo/ 1", "/foo/9999999999", "/foo/0/x", "/x", "//",
    ])
    func findsNothing(text: String) throws {
        #expect(try JSON.parse(Array(Self.document.utf8))[try #require(JSONPointer(text))] == nil)
    }

    @Test func escapesAreReadOnce() throws {
        #expect(JSONPointer("/~01")?.names == ["~1"])
        #expect(JSONPointer("/~10")?.names == ["/0"])
    }

    @Test(arguments: ["foo", "foo/bar", " /foo", "/foo~", "/fo~o", "/~2", "/~~", "#/foo"])
    func refusesWhatIsNone(text: String) {
        #expect(JSONPointer(text) == nil)
    }
}
