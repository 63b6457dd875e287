package import OTPContract

/// A command to be sent: its session, and the JSON as it will be published.
package struct CommandLine: Equatable, Sendable {
    package var session: SessionID
    package var value: [UInt8]
}

/// Reads a file of commands, one JSON object per line; empty lines are skipped.
///
/// It asks for what sending needs: the session, which is the key. Whether a command is usable is the worker's question. It
/// never repeats what a line says.
package enum CommandLines {
    package struct Unusable: Error, Equatable, CustomStringConvertible {
        /// Line number from 1, and what is wrong there.
        package var lines: [(number: Int, what: String)]

        package var description: String {
            lines.prefix(10).map { "line \($0.number): \($0.what)" }.joined(separator: "\n    ")
                + (lines.count > 10 ? "\n    and \(lines.count - 10) more" : "")
        }

        package static func == (left: Unusable, right: Unusable) -> Bool { left.description == right.description }
    }

    /// - Throws: every line that cannot be sent; then none should be.
    package static func parse(_ bytes: [UInt8]) throws(Unusable) -> [CommandLine] {
        var commands: [CommandLine] = []
        var unusable = Unusable(lines: [])
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            let text = Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
            guard text.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else { continue }
            do throws(LineFault) {
                commands.append(CommandLine(session: try session(of: text), value: text))
            } catch {
                unusable.lines.append((number: index + 1, what: error.what))
            }
        }
        guard unusable.lines.isEmpty else { throw unusable }
        return commands
    }

    /// The command of single fields, as JSON.
    package static func command(
        session: String,
        phone: String,
        code: String,
        commandID: String? = nil,
        expiresAt: String? = nil
    ) -> CommandLine? {
        guard let id = SessionID(session) else { return nil }
        var json = JSONWriter()
        json.beginObject()
        let fields: [(Field, String?)] = [
            (.phone, phone), (.sessionID, session), (.code, code), (.commandID, commandID), (.expiresAt, expiresAt),
        ]
        for case (let field, let value?) in fields {
            json.key(field.rawValue)
            json.string(value)
        }
        json.endObject()
        return CommandLine(session: id, value: json.bytes)
    }

    private struct LineFault: Error {
        var what: String
    }

    private static func session(of line: [UInt8]) throws(LineFault) -> SessionID {
        let json: JSON
        do throws(JSON.Failure) {
            json = try JSON.parse(line)
        } catch {
            throw LineFault(what: "not usable JSON: \(error)")
        }
        guard case .object = json else { throw LineFault(what: "not a JSON object") }
        guard let session = json[Field.sessionID.rawValue]?.string.flatMap(SessionID.init) else {
            throw LineFault(what: "\(Field.sessionID.rawValue) is missing or not 1 to 256 bytes of text")
        }
        return session
    }
}
