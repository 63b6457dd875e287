import Contract
import Foundation

/// A file that holds a secret and nothing else.
enum SecretFile {
    /// Reads it; white space around the secret is not part of it.
    /// - Throws: what is wrong with the file, never what it holds.
    static func read(
        _ path: String,
        as judge: (String) throws(Setting.Fault) -> Secret = Setting.secret
    ) throws(Setting.Fault) -> Secret {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Setting.Fault(what: "the file cannot be read", remedy: "let this user read it")
        }
        return try judge(String(decoding: data, as: UTF8.self))
    }
}
