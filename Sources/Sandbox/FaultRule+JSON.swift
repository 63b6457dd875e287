extension FaultRule: Decodable {
    private enum Key: String, CodingKey {
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
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) {
            return nil
        }
    }

    /// Reads the flat JSON form of a rule; a field that is none of a rule's is an error, as it may be a misspelt limit.
    ///
    /// `{"action":"status","status":429,"retry_after":1,"session_prefix":"a","times":2,"per":"session"}`. `action` is a
    /// ``FaultAction/name``; `status` needs `status` (and takes `result_code`, `type`, `retry_after`), `answer` needs
    /// `code`, `delay` needs `ms`; `drip` takes `ms`, `oversized` takes `bytes`. The rest is ``Match``, `times`, `per`
    /// (`session` or `all`) and `processed`.
    package init(from decoder: any Decoder) throws {
        let unknown = try decoder.container(keyedBy: AnyKey.self).allKeys.first { Key(rawValue: $0.stringValue) == nil }
        if let unknown {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath + [unknown], debugDescription: "no such field")
            )
        }
        let fields = try decoder.container(keyedBy: Key.self)
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
    }

    private static func action(_ fields: KeyedDecodingContainer<Key>) throws -> FaultAction {
        let name = try fields.decode(String.self, forKey: .action)
        switch name {
        case "status":
            return .status(
                try fields.decode(Int.self, forKey: .status),
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
        default:
            guard let action = FaultAction.plain[name] else {
                throw DecodingError.dataCorruptedError(
                    forKey: .action,
                    in: fields,
                    debugDescription: "no such action"
                )
            }
            return action
        }
    }
}

extension FaultAction {
    /// The actions that need no argument, by name.
    static let plain: [String: FaultAction] = {
        let actions: [FaultAction] = [
            .cutBeforeReading, .cutAfterProcessing, .hang, .garbageBytes, .garbageJSON, .halfBody, .oversizedBody(),
            .closeAfterAnswer, .malformedChunks, .slowDrip(),
        ]
        return Dictionary(uniqueKeysWithValues: actions.map { ($0.name, $0) })
    }()
}
