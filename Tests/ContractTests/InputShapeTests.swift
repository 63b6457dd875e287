import OTPContract
import Testing

@Suite("Commands in a CloudEvent or of another shape")
struct InputShapeTests {
    private static let structured = Header(name: "content-type", text: "application/cloudevents+json")
    private static let attributes = #""specversion":"1.0","id":"e-1","source":"/shop","type":"card.stored""#

    private func read(
        _ value: String,
        headers: [Header] = [structured],
        decoder: CommandDecoder = CommandDecoder()
    ) -> CommandDecoder.Reading {
        decoder.read(key: Sample.key, value: Array(value.utf8), headers: headers, at: Sample.source)
    }

    private func event(_ members: String) -> String { "{\(Self.attributes),\(members)}" }

    private func rejection(_ value: String, headers: [Header] = [structured]) throws -> Rejection {
        guard case .failure(let rejection) = read(value, headers: headers).content else { throw Sample.Unexpected() }
        return rejection
    }

    // MARK: CloudEvents in structured mode

    @Test(arguments: [
        "application/cloudevents+json", "application/cloudevents+json; charset=UTF-8",
        "Application/CloudEvents+JSON;charset=\"utf-8\"", "application/cloudevents+json ;foo=bar; charset=us-ascii",
    ])
    func theContentTypeTells(type: String) throws {
        let reading = read(event("\"data\":\(Sample.minimal)"), headers: [Header(name: "content-type", text: type)])
        let command = try reading.content.get()
        #expect(command.commandID == "e-1")
        #expect(command.code.revealed == "ART2")
    }

    @Test(arguments: ["Content-Type", "CONTENT-TYPE", "Content-type"])
    func theHeadersNameMayBeInAnyCase(name: String) throws {
        let header = Header(name: name, text: "application/cloudevents+json")
        #expect(try read(event("\"data\":\(Sample.minimal)"), headers: [header]).content.get().commandID == "e-1")
        #expect(try rejection("{}", headers: [header]).detail == "the CloudEvent's specversion must be \"1.0\"")
    }

    @Test(arguments: ["application/json", "text/plain", "", "application/vnd.cloudevents"])
    func anyOtherContentTypeIsAPlainCommand(type: String) throws {
        let headers = [Header(name: "content-type", text: type), Header(name: "ce_id", text: "e-2")]
        #expect(try read(Sample.minimal, headers: headers).content.get().commandID == "e-2")
    }

    /// Libraries leave the header out, or put the type of the data there.
    @Test(arguments: [nil, "application/json", "text/plain", ""])
    func anEventIsKnownByItsFormToo(type: String?) throws {
        let headers = type.map { [Header(name: "content-type", text: $0)] } ?? []
        let trace = #""traceparent":"00-ab-cd-01","#
        let reading = read(event("\(trace)\"data\":\(Sample.minimal)"), headers: headers)
        #expect(try reading.content.get().commandID == "e-1")
        #expect(reading.trace == [Header(name: "traceparent", text: "00-ab-cd-01")])
        let encoded = "eyJ1c2VyX2dzbSI6IjUzMjQ4MTg5NDIiLCJvdHBfc2Vzc2lvbl9pZCI6IjEyMzQ1NiIsIm90cF9jb2RlIjoiQVJUMiJ9"
        let command = try read(event("\"data_base64\":\"\(encoded)\""), headers: headers).content.get()
        #expect(command.code.revealed == "ART2")
        #expect(
            try rejection(#"{"specversion":"0.3","data":{}}"#, headers: headers).detail
                == "the CloudEvent's specversion must be \"1.0\""
        )
    }

    /// Fields that are none of ours are ignored, whatever they are called.
    @Test func aCommandMayHaveFieldsOfThoseNames() throws {
        let value = #"{"specversion":"1.0","data":{"otp_code":"XX"},\#(Sample.minimal.dropFirst())"#
        #expect(try read(value, headers: []).content.get().code.revealed == "ART2")
        var fields = CommandFields()
        fields.sessionID = try #require(JSONPointer("/data/otp_session_id"))
        fields.phone = try #require(JSONPointer("/data/user_gsm"))
        fields.code = try #require(JSONPointer("/data/otp_code"))
        let mapped = read(event("\"data\":\(Sample.minimal)"), headers: [], decoder: CommandDecoder(fields: fields))
        #expect(try mapped.content.get().code.revealed == "ART2")
    }

    @Test(
        arguments: [
            ("{}", "otp_session_id is missing"),
            (
                "{\(attributes)}",
                "otp_session_id is missing from the value, which is read as a plain command: a CloudEvent has specversion and "
                    + "data, or the header content-type: application/cloudevents+json"
            ),
            (
                #"{"data":\#(Sample.minimal)}"#,
                "otp_session_id is missing from the value, which is read as a plain command: a CloudEvent has specversion and "
                    + "data, or the header content-type: application/cloudevents+json"
            ),
            (#"{\#(attributes),"data":{"x":1}}"#, "otp_session_id is missing from the CloudEvent's data"),
        ]
    )
    func whatWasLookedForIsTold(value: String, detail: String) throws {
        #expect(try rejection(value, headers: []).detail == detail)
    }

    @Test(arguments: ["application/json", "application/json; charset=utf-8", "text/json", "application/vnd.shop+json"])
    func dataMayBeInBase64(type: String) throws {
        // base64 of Sample.minimal
        let encoded =
            "eyJ1c2VyX2dzbSI6IjUzMjQ4MTg5NDIiLCJvdHBfc2Vzc2lvbl9pZCI6IjEyMzQ1NiIsIm90cF9jb2RlIjoiQVJUMiJ9"
        let command = try read(event(#""datacontenttype":"\#(type)","data_base64":"\#(encoded)""#)).content.get()
        #expect(command.sessionID.text == "123456")
        #expect(command.commandID == "e-1")
    }

    @Test(
        arguments: [
            ("application/cloudevents-batch+json", "a batch of CloudEvents is not read: send one event per record"),
            (
                "application/cloudevents-batch+json; charset=utf-8",
                "a batch of CloudEvents is not read: send one event per record"
            ),
            ("application/cloudevents+avro", "of the formats of CloudEvents only application/cloudevents+json is read"),
            ("application/cloudevents", "of the formats of CloudEvents only application/cloudevents+json is read"),
            ("application/cloudevents+json; charset=utf-16", "the charset must be UTF-8"),
        ]
    )
    func anotherFormatIsNamed(type: String, detail: String) throws {
        let rejection = try rejection("[]", headers: [Header(name: "content-type", text: type)])
        #expect(rejection.reason == .malformed)
        #expect(rejection.detail == "content-type: \(detail)")
    }

    @Test(
        arguments: [
            (#"{"id":"e-1","data":{}}"#, "the CloudEvent's specversion must be \"1.0\""),
            (#"{"id":"e-1","specversion":1.0,"data":{}}"#, "the CloudEvent's specversion must be \"1.0\""),
            (#"{"id":"e-1","specversion":"0.3","data":{}}"#, "the CloudEvent's specversion must be \"1.0\""),
            ("{\(attributes)}", "the CloudEvent has no data"),
            (#"{\#(attributes),"data":null,"data_base64":null}"#, "the CloudEvent has no data"),
            (#"{\#(attributes),"data":{},"data_base64":""}"#, "the CloudEvent has both data and data_base64"),
            (#"{\#(attributes),"data":"{}"}"#, "the CloudEvent's data is not a JSON object"),
            (#"{\#(attributes),"data":[]}"#, "the CloudEvent's data is not a JSON object"),
            (
                #"{\#(attributes),"data":{},"datacontenttype":"text/xml"}"#,
                "the CloudEvent's datacontenttype must be application/json"
            ),
            (
                #"{\#(attributes),"data":{},"datacontenttype":7}"#,
                "the CloudEvent's datacontenttype must be application/json"
            ),
            (#"{\#(attributes),"data_base64":{}}"#, "the CloudEvent's data_base64 is not base64"),
            (#"{\#(attributes),"data_base64":""}"#, "the data_base64 is empty: send a JSON object"),
            (#"{\#(attributes),"data_base64":"W10="}"#, "the data_base64 is not a JSON object"),
            (
                #"{\#(attributes),"data_base64":"eyJhIjp9"}"#,
                "the data_base64 is not usable JSON: an unexpected byte at byte 5"
            ),
            (
                #"{\#(attributes),"data":{"otp_code":"A","otp_code":"B"}}"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 93 (otp_code)"
            ),
            (
                #"{\#(attributes),"id":"e-2","data":{}}"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 70"
            ),
        ]
    )
    func anEventThatCannotBeUsedIsTold(value: String, detail: String) throws {
        let rejection = try rejection(value)
        #expect(rejection.reason == .malformed)
        #expect(rejection.detail == detail)
        #expect(rejection.commandID == (detail.contains("twice") ? Sample.source.description : "e-1"))
    }

    @Test(arguments: [
        "=", "A", "AA", "AAA", "A===", "AA=A", "AB==", "AAB=", "AA==AA==", "AA A", "AA\\n==", "AA-_", "é===",
    ])
    func base64HasOneSpelling(text: String) throws {
        #expect(
            try rejection(event(#""data_base64":"\#(text)""#)).detail == "the CloudEvent's data_base64 is not base64"
        )
    }

    @Test func theFieldsOfTheDataAreJudgedAsEver() throws {
        let rejection = try rejection(event(#""data":{"otp_session_id":"s","user_gsm":5,"otp_code":"A"}"#))
        #expect(rejection.detail == "user_gsm must be a string")
        #expect(rejection.sessionID?.text == "s")
        #expect(rejection.commandID == "e-1")
    }

    @Test func theCommandsOwnIDComesFirstThenTheEventsThenTheHeaders() throws {
        let headers = [Self.structured, Header(name: "ce_id", text: "h-1")]
        let minimal = Sample.minimal.dropFirst()
        let own = #"{"command_id":"c-1",\#(minimal)"#
        #expect(try read(event("\"data\":\(own)"), headers: headers).content.get().commandID == "c-1")
        #expect(try read(event("\"data\":\(Sample.minimal)"), headers: headers).content.get().commandID == "e-1")
        for id in ["", #""id":7,"#, #""id":"","#] {
            let value = #"{"specversion":"1.0",\#(id)"data":\#(Sample.minimal)}"#
            #expect(try read(value, headers: headers).content.get().commandID == "h-1")
        }
    }

    // MARK: The distributed-tracing extension

    @Test func theEventsTraceIsTakenWhereNoHeaderHasOne() {
        let trace = [Header(name: "traceparent", text: "00-ab-cd-01"), Header(name: "tracestate", text: "a=b")]
        let value = event(#""traceparent":"00-ab-cd-01","tracestate":"a=b","data":\#(Sample.minimal)"#)
        #expect(read(value).trace == trace)
        #expect(read(value, headers: [Self.structured, Header(name: "traceparent", text: "00-1-2-01")]).trace == [])
        #expect(read(event(#""traceparent":7,"data":{}"#)).trace == [])
        let binary = trace.map { Header(name: "ce_" + $0.name, value: $0.value) }
        #expect(read(Sample.minimal, headers: binary).trace == trace)
        #expect(read(Sample.minimal, headers: trace).trace == [])
    }

    // MARK: Other shapes

    private func decoder() throws -> CommandDecoder {
        var fields = CommandFields()
        fields.sessionID = try #require(JSONPointer("/card/otp/session"))
        fields.phone = try #require(JSONPointer("/card/owner/phones/0"))
        fields.code = try #require(JSONPointer("/a~1b/m~0n"))
        fields.commandID = try #require(JSONPointer("/id"))
        fields.expiresAt = try #require(JSONPointer("/card/otp/ends"))
        return CommandDecoder(fields: fields)
    }

    private static let card =
        #"{"id":"c-7","card":{"otp":{"session":"s-1","ends":"2026-11-23T13:00:00Z"},"#
        + #""owner":{"phones":["+90 532 481 89 42"]}},"a/b":{"m~n":"ART2"},"otp_code":"XX"}"#

    @Test func fieldsAreReadWhereTheyAre() throws {
        let command = try read(Self.card, headers: [], decoder: decoder()).content.get()
        #expect(command.sessionID.text == "s-1")
        #expect(command.phone.revealed == "5324818942")
        #expect(command.code.revealed == "ART2")
        #expect(command.commandID == "c-7")
        #expect(command.expiresAt?.iso8601 == "2026-11-23T13:00:00.000Z")
        let enveloped = try read(event("\"data\":\(Self.card)"), decoder: decoder()).content.get()
        #expect(enveloped.commandID == "c-7")
        #expect(enveloped.code.revealed == "ART2")
    }

    @Test(
        arguments: [
            (#""s-1""#, "null", "otp_session_id (/card/otp/session) must be a string"),
            (#""session""#, #""x""#, "otp_session_id (/card/otp/session) is missing"),
            (#"["+90 532 481 89 42"]"#, "[]", "user_gsm (/card/owner/phones/0) is missing"),
            (#"["+90 532 481 89 42"]"#, "[5324818942]", "user_gsm (/card/owner/phones/0) must be a string"),
            (#""m~n":"ART2""#, #""m~n":"""#, "otp_code (/a~1b/m~0n) must have 1 to 16 characters"),
            (
                #""m~n":"#, #""m~n":"A","m~n":"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 133 (otp_code)"
            ),
            (
                #""m~n":"#, #""m~n":"A","m\u007en":"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 133 (otp_code)"
            ),
            (
                #""a/b":"#, #""a/b":{},"a\/b":"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 125 (otp_code)"
            ),
            (
                #""owner":"#, #""owner":{},"owner":"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 85 (user_gsm)"
            ),
            (
                #""card":"#, #""card":{},"card":"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 22 (otp_session_id, user_gsm, "
                    + "expires_at)"
            ),
        ]
    )
    func aReasonNamesTheContractsFieldAndItsPlace(part: String, replacement: String, detail: String) throws {
        let value = Self.card.replacing(part, with: replacement)
        guard case .failure(let rejection) = read(value, headers: [], decoder: try decoder()).content else {
            throw Sample.Unexpected()
        }
        #expect(rejection.detail == detail)
    }
}
