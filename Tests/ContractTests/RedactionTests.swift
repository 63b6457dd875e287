import OTPContract
import Testing

@Suite("Redaction: no secret leaves by accident")
struct RedactionTests {
    private static let secrets = ["5329998877", "ZQ7MARK", "sck_marked", "9998"]

    private func everyWayToPrint(_ value: some Any) -> [String] {
        var dumped = ""
        dump(value, to: &dumped)
        let mirror = Mirror(reflecting: value)
        return [
            "\(value)", String(describing: value), String(reflecting: value), dumped, "\(mirror.children.map(\.value))",
            "\(mirror)", "\([value])", "\(Optional(value) as Any)", "\(["k": value])", String(reflecting: [value]),
        ]
    }

    private func expectSilence(_ value: some Any) {
        for text in everyWayToPrint(value) {
            for secret in Self.secrets {
                #expect(!text.contains(secret), "\(type(of: value)) shows \(secret)")
            }
        }
    }

    @Test func secretsAreSilent() throws {
        let phone = try #require(PhoneNumber(normalising: "5329998877"))
        let code = try #require(OTPCode(trimming: "ZQ7MARK"))
        expectSilence(phone)
        expectSilence(code)
        expectSilence(Secret("sck_marked"))
        #expect("\(phone) \(code) \(Secret("x"))" == "<redacted> <redacted> <redacted>")
        #expect(Mirror(reflecting: phone).children.isEmpty)
        #expect(Secret("sck_marked").revealed == "sck_marked")
    }

    @Test func whatHoldsThemIsSilent() throws {
        let value = #"{"user_gsm":"5329998877","otp_session_id":"s","otp_code":"ZQ7MARK"}"#
        let command = try Sample.decode(value).get()
        expectSilence(command)
        expectSilence(Sample.decode(value))
        #expect(command.phone.revealed == "5329998877", "the value is there, for those who ask")
    }

    @Test(arguments: [
        #"{"user_gsm":"5329998877","otp_session_id":"s","otp_code":"ZQ7MARK ZQ7MARK ZQ7MARK"}"#,
        #"{"user_gsm":"5329998877x","otp_session_id":"s","otp_code":"ZQ7MARK"}"#,
        #"{"user_gsm":5329998877,"otp_session_id":"s","otp_code":"ZQ7MARK"}"#,
        #"{"user_gsm":"5329998877","otp_session_id":"s","otp_code":"ZQ7MARK","expires_at":"5329998877"}"#,
        #"{"user_gsm":"5329998877","otp_session_id":"s","ZQ7MARK":1,"ZQ7MARK":2}"#,
        #"{"user_gsm":"5329998877","otp_session_id":"s","otp_code":"ZQ7MARK""#,
        #"{"user_gsm":"5329998877","otp_session_id":"s","otp_code":ZQ7MARK}"#,
        "ZQ7MARK", "5329998877 5329998877",
    ])
    func rejectionsAreSilent(value: String) throws {
        expectSilence(try Sample.rejection(of: value))
    }
}
