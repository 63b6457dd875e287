import Logging
import OTPContract

/// One log line as a value, and its two forms: a JSON object for machines, a sentence with fields for people.
///
/// Both are one line whatever the message and the fields hold, and both are bounded.
struct LogLine {
    /// Longest value of one field, in bytes; the rest is cut off.
    static let maxValueBytes = 4096
    /// Once a line is this long, in bytes, its remaining fields are left out and `truncated` is set.
    static let maxLineBytes = 16_384
    /// Metadata nested deeper than this is left out.
    static let maxDepth = 8

    /// The names that a line gives a meaning to; a metadata key of that name is written as `metadata.<name>`.
    static let reservedNames: Set<String> = ["time", "level", "component", "message", "suppressed", "truncated"]

    var time: WallTime
    var level: Logger.Level
    var component: String
    var message: String
    var fields: Logger.Metadata = [:]
    var suppressed: Int?

    /// Appends the line as a JSON object, newline included.
    func appendJSON(to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes += "{".utf8
        appendField("time", time.iso8601, to: &bytes)
        bytes += ",".utf8
        appendField("level", level.rawValue, to: &bytes)
        bytes += ",".utf8
        appendField("component", component, to: &bytes)
        bytes += ",".utf8
        appendField("message", message, to: &bytes)
        if let suppressed { bytes += ",\"suppressed\":\(suppressed)".utf8 }
        for (name, value) in sortedFields {
            guard bytes.count - start < Self.maxLineBytes else {
                bytes += ",\"truncated\":true".utf8
                break
            }
            bytes += ",".utf8
            JSONText.append(name, to: &bytes, limit: Self.maxValueBytes)
            bytes += ":".utf8
            append(value, depth: 1, end: start + Self.maxLineBytes, to: &bytes)
        }
        bytes += "}\n".utf8
    }

    /// Appends the line for a reader at a terminal, newline included.
    func appendHuman(to bytes: inout [UInt8]) {
        let start = bytes.count
        let name = level.rawValue.uppercased()
        bytes +=
            "\(time.iso8601.dropFirst(11).dropLast()) \(name)\(String(repeating: " ", count: max(0, 8 - name.utf8.count))) "
            .utf8
        appendPlain(component, to: &bytes)
        bytes += ": ".utf8
        appendPlain(message, to: &bytes)
        if let suppressed { bytes += " (\(suppressed) more like this were suppressed)".utf8 }
        for (name, value) in sortedFields {
            guard bytes.count - start < Self.maxLineBytes else {
                bytes += " …".utf8
                break
            }
            bytes += " ".utf8
            appendPlain(name, to: &bytes)
            bytes += "=".utf8
            append(value, depth: 1, end: start + Self.maxLineBytes, to: &bytes)
        }
        bytes += "\n".utf8
    }

    private var sortedFields: [(String, Logger.MetadataValue)] {
        fields.map { (Self.reservedNames.contains($0.key) ? "metadata." + $0.key : $0.key, $0.value) }
            .sorted { $0.0 < $1.0 }
    }

    private func appendField(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes += "\"\(name)\":".utf8
        JSONText.append(value, to: &bytes, limit: Self.maxValueBytes)
    }

    /// Appends text escaped as in JSON, without the quotes.
    private func appendPlain(_ text: String, to bytes: inout [UInt8]) {
        let start = bytes.count
        JSONText.append(text, to: &bytes, limit: Self.maxValueBytes)
        bytes.remove(at: start)
        bytes.removeLast()
    }

    private func append(_ value: Logger.MetadataValue, depth: Int, end: Int, to bytes: inout [UInt8]) {
        guard depth <= Self.maxDepth, bytes.count < end else {
            bytes += "\"…\"".utf8
            return
        }
        switch value {
        case .string(let text): JSONText.append(text, to: &bytes, limit: Self.maxValueBytes)
        case .stringConvertible(let value): append(convertible: value, to: &bytes)
        case .array(let values):
            bytes += "[".utf8
            for (index, value) in values.enumerated() where bytes.count < end {
                if index > 0 { bytes += ",".utf8 }
                append(value, depth: depth + 1, end: end, to: &bytes)
            }
            bytes += "]".utf8
        case .dictionary(let fields):
            bytes += "{".utf8
            for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() where bytes.count < end {
                if index > 0 { bytes += ",".utf8 }
                JSONText.append(field.key, to: &bytes, limit: Self.maxValueBytes)
                bytes += ":".utf8
                append(field.value, depth: depth + 1, end: end, to: &bytes)
            }
            bytes += "}".utf8
        }
    }

    /// Numbers and booleans stay what they are, so that a log store can compare them.
    private func append(convertible value: any CustomStringConvertible & Sendable, to bytes: inout [UInt8]) {
        switch value {
        case let value as Bool: bytes += (value ? "true" : "false").utf8
        case let value as any BinaryInteger: bytes += "\(value)".utf8
        case let value as Double: bytes += (value.isFinite ? "\(value)" : "null").utf8
        default: JSONText.append(value.description, to: &bytes, limit: Self.maxValueBytes)
        }
    }
}
