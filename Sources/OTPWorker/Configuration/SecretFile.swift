import Foundation
import OTPContract

/// A file that holds a secret and nothing else.
enum SecretFile {
    /// A key that goes into the header of a request is far shorter.
    private static let maximumBytes = 4_096

    /// Reads it; white space around the secret is not part of it.
    /// - Throws: what is wrong with the file, never what it holds.
    static func read(
        _ path: String,
        as judge: (String) throws(Setting.Fault) -> Secret = Setting.secret
    ) throws(Setting.Fault) -> Secret {
        guard let file = FileHandle(forReadingAtPath: path),
            let data = try? file.read(upToCount: maximumBytes + 1) ?? Data()
        else {
            throw Setting.Fault(what: "the file cannot be read", remedy: "let this user read it")
        }
        guard data.count <= maximumBytes else {
            throw Setting.Fault(
                what: "the file is larger than \(maximumBytes) bytes: it holds something else than a key",
                remedy: "name the file that holds the secret and nothing else"
            )
        }
        return try judge(String(decoding: data, as: UTF8.self))
    }
}
