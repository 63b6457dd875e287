import OTPContract
import OTPEngine
import Testing

@Suite("The upstream's answer, judged row by row")
struct AnswerTableTests {
    private static let returnCodes: [(codes: [Int], class: AnswerClass)] = [
        ([0], .accepted),
        ([100], .alreadySucceeded),
        ([1], .rejected(.wrongCode)),
        ([6, 12, 13], .rejected(.unknownSession)),
        ([5, 17], .rejected(.sessionUsed)),
        ([9, 11, 14, 15, 16, 18, 19, 20, 21], .refused(.refusedByUpstream)),
        ([2, 3, 4, 7], .halt),
        ([8, 10], .ambiguous),
        ([-1, 22, 99, 101, .max, .min], .refused(.unexpectedAnswer)),
    ]

    @Test func theRowsNameEveryDocumentedReturnCodeOnce() {
        let documented = Array(0...21) + [100]
        let named = Self.returnCodes.dropLast().flatMap(\.codes)
        #expect(named.sorted() == documented)
    }

    @Test func aReturnCodeInA200Decides() {
        for row in Self.returnCodes {
            for code in row.codes { #expect(AnswerClass(.code(code)) == row.class, "code \(code)") }
        }
    }

    @Test func aResultCodeInAnErrorObjectDecidesAlikeButIsNeverASuccess() {
        for row in Self.returnCodes {
            for code in row.codes {
                let expected = code == 0 || code == 100 ? .refused(.unexpectedAnswer) : row.class
                for status in [400, 404, 405, 409, 422, 499] {
                    #expect(AnswerClass(.error(status, result: code)) == expected, "\(status) with \(code)")
                }
            }
        }
    }

    @Test func theStatusDecidesWhereNoReturnCodeDoes() {
        let rows: [(statuses: [Int], class: AnswerClass)] = [
            ([400], .refused(.refusedByUpstream)),
            ([401, 403], .halt),
            ([404, 405, 409, 422, 499], .refused(.unexpectedAnswer)),
        ]
        for row in rows {
            for status in row.statuses {
                let answer = UpstreamAnswer.error(status, type: "api_error")
                #expect(AnswerClass(answer) == row.class, "\(status) with an error object that names no code")
            }
        }
    }

    /// What stands before the upstream speaks for itself only.
    @Test(
        arguments: [
            nil, .init(), .init(message: "Forbidden"), .init(code: 404, message: "no route"), .init(code: 0),
            .init(code: 1),
            .init(type: "about:blank"), .init(code: 17, type: "https://example.com/errors/forbidden"),
        ] as [UpstreamAnswer.Body?]
    )
    func aFourHundredWithoutThePaynetsErrorObjectIsNotItsWord(body: UpstreamAnswer.Body?) {
        for status in [400, 401, 403, 404, 405, 409, 413, 422, 451, 499] {
            #expect(AnswerClass(.page(status, body: body)) == .ambiguous, "\(status)")
        }
    }

    @Test func someStatusesDecideWhateverTheBodySays() {
        let rows: [(statuses: [Int], class: AnswerClass)] = [
            ([401, 403], .halt), ([408, 421, 425, 429], .retryable), ([201, 202, 204, 206, 299], .ambiguous),
            ([500, 501, 502, 503, 504, 599], .ambiguous),
            ([-1, 0, 100, 199, 300, 301, 302, 304, 600, 999], .refused(.unexpectedAnswer)),
        ]
        for row in rows {
            for status in row.statuses {
                #expect(AnswerClass(.status(status)) == row.class, "\(status) without a body")
                for code in Array(0...21) + [100] {
                    #expect(AnswerClass(.error(status, result: code)) == row.class, "\(status) with \(code)")
                    let plain = UpstreamAnswer(.answered(status: status), body: .init(code: code))
                    if status < 400 || row.class == .retryable { #expect(AnswerClass(plain) == row.class) }
                }
            }
        }
    }

    @Test func a503IsTheServersOwnRefusalOnlyIfItSaysWhenToAskAgain() {
        #expect(AnswerClass(.status(503, retryAfter: .seconds(3))) == .retryable)
        #expect(AnswerClass(.status(503, retryAfter: .zero)) == .retryable)
        #expect(AnswerClass(.status(503)) == .ambiguous)
        // The doubt of a lost answer, and the schedule of a refusal.
        #expect(AnswerClass.asksForPatience(.status(503)))
        #expect([500, 502, 504, 200, 404].allSatisfy { !AnswerClass.asksForPatience(.status($0)) })
        for status in [500, 502, 504] {
            #expect(AnswerClass(.status(status, retryAfter: .seconds(3))) == .ambiguous, "\(status)")
        }
    }

    @Test func anUnreadable200IsAmbiguous() {
        #expect(AnswerClass(UpstreamAnswer(.answered(status: 200))) == .ambiguous)
        #expect(AnswerClass(UpstreamAnswer(.answered(status: 200), body: .init(message: "ok"))) == .ambiguous)
        // An error object's field says nothing in a 200.
        #expect(AnswerClass(UpstreamAnswer(.answered(status: 200), body: .init(resultCode: 0))) == .ambiguous)
    }

    @Test func noDataIsAnUnknownSessionOnlyAsA404() {
        #expect(AnswerClass(.error(404, type: "no_data_error")) == .rejected(.unknownSession))
        #expect(AnswerClass(.error(404, type: "api_error")) == .refused(.unexpectedAnswer))
        #expect(AnswerClass(.error(404, type: "not_found")) == .ambiguous)
        #expect(AnswerClass(.error(405, type: "no_data_error")) == .refused(.unexpectedAnswer))
        #expect(AnswerClass(.error(404, result: 1, type: "no_data_error")) == .rejected(.wrongCode))
    }

    @Test(arguments: TransportFailure.allCases)
    func withoutAnAnswerWhatLeftDecides(failure: TransportFailure) {
        #expect(AnswerClass(UpstreamAnswer(.unknown(failure))) == .ambiguous)
        let notSent = UpstreamAnswer(.notSent(failure))
        #expect(AnswerClass(notSent) == (failure == .withheld ? .withheld : .retryable))
        #expect(!AnswerClass.left(notSent))
        #expect(AnswerClass.left(UpstreamAnswer(.unknown(failure))))
        #expect(AnswerClass.left(.status(429)))
    }

    @Test func amongAHundredThousandAnswersOnlyA200WithCode0Or100IsASuccess() {
        var random = SplitMix64(seed: 2)
        var successes = 0
        for _ in 0..<100_000 {
            let answer = UpstreamAnswer.random(using: &random)
            switch AnswerClass(answer) {
            case .accepted:
                successes += 1
                #expect(answer.transport == .answered(status: 200) && answer.body?.code == 0)
            case .alreadySucceeded:
                successes += 1
                #expect(answer.transport == .answered(status: 200) && answer.body?.code == 100)
            case .rejected, .refused, .halt, .retryable, .ambiguous, .withheld:
                #expect(answer.transport != .answered(status: 200) || ![0, 100].contains(answer.body?.code))
            }
        }
        #expect(successes > 100)
    }
}

extension UpstreamAnswer {
    static func random(using random: inout SplitMix64) -> Self {
        let statuses = [200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 405, 408, 425, 429, 500, 502, 503]
        let codes: [Int?] = [nil, 0, 100, 1, .random(in: -5...120, using: &random), 200, 404]
        func any<Value>(_ values: [Value], _ random: inout SplitMix64) -> Value {
            values[Int.random(in: values.indices, using: &random)]
        }
        let transport: Transport =
            switch Int.random(in: 0..<8, using: &random) {
            case 0: .notSent(any(TransportFailure.allCases, &random))
            case 1: .unknown(any(TransportFailure.allCases, &random))
            case 2: .answered(status: .random(in: -1...1_000, using: &random))
            default: .answered(status: any(statuses, &random))
            }
        let body =
            Bool.random(using: &random)
            ? Body(
                code: any(codes, &random),
                resultCode: any(codes, &random),
                type: any([nil, "no_data_error", "api_error"], &random)
            ) : nil
        return Self(transport, body: body, retryAfter: any([nil, .seconds(1)], &random))
    }
}
