import Testing

@testable import OTPMonitor

/// Who may look, and where that must be asked.
struct AccessTests {
    private static let file = """
        # who may look
        bearer 0123456789abcdef0123

        basic ops:correct-horse-battery
        basic colon:pass:word:with:colons
        """

    @Test(arguments: [
        ("Bearer 0123456789abcdef0123", true), ("bearer   0123456789abcdef0123", true),
        ("Basic b3BzOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==", true),
        ("Basic Y29sb246cGFzczp3b3JkOndpdGg6Y29sb25z", true),
        ("Bearer 0123456789abcdef012", false), ("Bearer 0123456789abcdef01234", false), ("Bearer ", false),
        ("Bearer", false),
        ("Bearer 0123456789abcdef01230123456789abcdef0123", false), ("0123456789abcdef0123", false),
        ("Basic 0123456789abcdef0123", false), ("Bearer b3BzOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==", false),
        ("Basic b3BzOmNvcnJlY3QtaG9yc2UtYmF0dGVyeR==", false), ("Digest 0123456789abcdef0123", false), ("", false),
    ])
    func theRightOnesAreLetIn(header: String, isKnown: Bool) throws {
        #expect(try Credentials(parsing: Self.file).accept(header) == isKnown)
    }

    @Test func withoutAHeaderNobodyIsLetIn() throws { #expect(try !Credentials(parsing: Self.file).accept(nil)) }

    @Test(arguments: [
        ("", "it names nobody"), ("# only words\n", "it names nobody"),
        ("bearer short", "line 1: the secret has fewer than 16 bytes"),
        ("\nbasic ops:short", "line 2: the secret has fewer than 16 bytes"),
        ("basic correct-horse-battery", "line 1: write basic NAME:PASSWORD"),
        ("basic :correct-horse-battery", "line 1: write basic NAME:PASSWORD"),
        ("token 0123456789abcdef0123", "line 1: neither bearer nor basic"),
        ("bearer", "line 1: write bearer TOKEN, or basic NAME:PASSWORD"),
        ("bearer 0123456789abcdef 0123", "line 1: the secret has a blank, or a character that is not ASCII"),
        (String(repeating: "bearer 0123456789abcdef0123\n", count: 65), "it names more than 64"),
    ])
    func aFileThatIsNoneIsRefusedWithoutItsSecrets(text: String, said: String) {
        #expect(throws: Credentials.Fault(description: said)) { try Credentials(parsing: text) }
    }

    @Test func theyAreNeverPrinted() throws {
        let credentials = try Credentials(parsing: Self.file)
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped] { #expect(text.contains("<redacted>")) }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.8.9.1", true), ("localhost", true), ("LOCALHOST", true), ("::1", true),
        ("0.0.0.0", false), ("::", false), ("10.0.0.1", false), ("127.0.0.1.example.com", false), ("127.0.0", false),
        ("1270.0.0.1", false), ("example.com", false), ("", false),
    ])
    func onlyLoopbackIsOpenToEverybody(host: String, isLoopback: Bool) throws {
        if isLoopback {
            #expect(try Listening(host: host, port: 1, hasCredentials: false).warning == nil)
        } else {
            #expect(throws: Listening.Fault.openToAll(host: host)) {
                try Listening(host: host, port: 1, hasCredentials: false)
            }
            #expect(try Listening(host: host, port: 1, hasCredentials: true).warning != nil)
            let secure = try Listening(
                host: host,
                port: 1,
                hasCredentials: true,
                certificateFile: "a",
                keyFile: "b"
            )
            #expect(secure.warning == nil)
        }
    }

    @Test func halfOfTLSIsRefused() {
        #expect(throws: Listening.Fault.halfTLS) {
            try Listening(host: "::1", port: 1, hasCredentials: true, certificateFile: "a")
        }
        #expect(throws: Listening.Fault.halfTLS) {
            try Listening(host: "::1", port: 1, hasCredentials: true, keyFile: "a")
        }
    }
}
