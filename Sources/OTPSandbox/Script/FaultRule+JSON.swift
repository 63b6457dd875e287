#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension FaultRule: Decodable {
    private enum Key: String, CodingKey, CaseIterable {
        case action
        case sessionPrefix = "session_prefix"
        case sessionSuffix = "session_suffix"
        case nthCall = "nth_call"
        case fraction
        case times
        case per
        case processed
        case status
        case code
        case resultCode = "result_code"
        case type
        case retryAfter = "retry_after"
        case milliseconds = "ms"
        case bytes
        case text
        case base64
        case contentType = "content_type"
    }

    /// Reads the flat form of a rule; a field that is none of a rule's is an error, as it may be a misspelt limit.
    ///
    /// `{"action":"status","status":429,"retry_after":1,"session_prefix":"a","times":2,"per":"session"}`. `action` is a
    /// ``FaultAction/name``; `status` needs `status` (and takes `result_code`, `type`, `retry_after`), `answer` needs
    /// `code`, `delay` needs `ms`, `body` needs `text` or `base64` (and takes `status`, `content_type`); `drip` takes
    /// `ms`, `oversized` takes `bytes`. The rest is ``Match``, `times`, `per` (`session` or `all`) and `processed`.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(Key.self)
        self.init(
            try Self.action(fields),
            match: Match(
                sessionPrefix: try fields.decodeIfPresent(String.self, forKey: .sessionPrefix),
                sessionSuffix: try fields.decodeIfPresent(String.self, forKey: .sessionSuffix),
                nthCall: try fields.decodeIfPresent(Int.self, forKey: .nthCall),
                fraction: try fields.decodeIfPresent(Double.self, forKey: .fraction)
            ),
            times: try fields.decodeIfPresent(Int.self, forKey: .times),
            per: try fields.decodeIfPresent(Scope.self, forKey: .per) ?? .all,
            processed: try fields.decodeIfPresent(Bool.self, forKey: .processed) ?? false
        )
        if let fraction = match.fraction, !(0...1).contains(fraction) { throw fields.fault(.fraction, "0 to 1") }
        if let times, times < 1 { throw fields.fault(.times, "from 1 on") }
    }

    private static func action(_ fields: KeyedDecodingContainer<Key>) throws -> FaultAction {
        let name = try fields.decode(String.self, forKey: .action)
        switch name {
        case "status":
            return .status(
                try status(fields) ?? fields.decode(Int.self, forKey: .status),
                resultCode: try fields.decodeIfPresent(ReturnCode.self, forKey: .resultCode),
                type: try fields.decodeIfPresent(String.self, forKey: .type),
                retryAfter: try fields.decodeIfPresent(Int.self, forKey: .retryAfter)
            )
        case "answer":
            return .answer(try fields.decode(ReturnCode.self, forKey: .code))
        case "delay":
            return .delay(.milliseconds(try fields.decode(Int.self, forKey: .milliseconds)))
        case "drip":
            let interval = try fields.decodeIfPresent(Int.self, forKey: .milliseconds)
            return interval.map { .slowDrip(interval: .milliseconds($0)) } ?? .slowDrip()
        case "oversized":
            let bytes = try fields.decodeIfPresent(Int.self, forKey: .bytes)
            return bytes.map { .oversizedBody(bytes: $0) } ?? .oversizedBody()
        case "body":
            return .body(
                try body(fields),
                status: try status(fields) ?? 200,
                contentType: try fields.decodeIfPresent(String.self, forKey: .contentType) ?? "application/json"
            )
        default:
            guard let action = FaultAction.plain[name] else { throw fields.fault(.action, "no such action") }
            return action
        }
    }

    private static func status(_ fields: KeyedDecodingContainer<Key>) throws -> Int? {
        let status = try fields.decodeIfPresent(Int.self, forKey: .status)
        if let status, !(200...599).contains(status) { throw fields.fault(.status, "200 to 599") }
        return status
    }

    private static func body(_ fields: KeyedDecodingContainer<Key>) throws -> [UInt8] {
        guard let encoded = try fields.decodeIfPresent(String.self, forKey: .base64) else {
            return Array(try fields.decode(String.self, forKey: .text).utf8)
        }
        guard let data = Data(base64Encoded: encoded) else { throw fields.fault(.base64, "not base64") }
        return Array(data)
    }
}

extension FaultAction {
    /// The actions that need no argument, by name.
    static let plain: [String: FaultAction] = {
        let actions: [FaultAction] = [
            .cutBeforeReading, .cutAfterProcessing, .hang, .garbageBytes, .garbageJSON, .halfBody, .oversizedBody(),
            .closeAfterAnswer, .chunked, .malformedChunks, .informational, .slowDrip(),
        ]
        return Dictionary(uniqueKeysWithValues: actions.map { ($0.name, $0) })
    }()
}
