/// Whether values have the five bytes before their JSON that the serializer of a schema registry writes: a zero, and four that
/// number the schema.
///
/// The schema itself is not asked for: a command says what it is by its fields.
package enum Framing: String, Sendable, CaseIterable {
    /// They are skipped where they are.
    case auto
    /// None has them; no JSON begins with a zero.
    case none
    /// Every value has them, as Confluent's serializers write it.
    case confluent

    private static let length = 5

    /// Where the JSON of a value begins, if it has any.
    func start(in value: [UInt8]?) throws(Refusal) -> Int {
        guard let value, !value.isEmpty else { return 0 }
        let isFramed = value.count >= Self.length && value[0] == 0
        switch self {
        case .none: return 0
        case .auto where !isFramed: return 0
        case .confluent where !isFramed:
            throw Refusal(
                .malformed,
                "the value does not begin with the five bytes of a schema registry, as commands.framing: confluent asks"
            )
        case .auto, .confluent: break
        }
        let content = value[Self.length...]
        guard !content.isEmpty else {
            throw Refusal(.malformed, "the value is empty behind the five bytes of a schema registry")
        }
        guard JSON.begins(content) else {
            throw Refusal(
                .malformed,
                """
                the value has the five bytes of a schema registry, and no JSON object behind them: Avro and Protobuf are not read, \
                write it with the JSON Schema serializer
                """
            )
        }
        return Self.length
    }
}
