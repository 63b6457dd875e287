#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The sandbox's own paths, under `/_sandbox`: no key is asked for, and none of them is journaled.
///
/// | request | answer |
/// |---|---|
/// | `GET /_sandbox/calls?since=N` | the journal after sequence N, one JSON object a line |
/// | `GET /_sandbox/summary` | counts over the journal in memory |
/// | `GET /_sandbox/otp?otp_session_id=…` | the code that the user was sent: stands for the text message |
/// | `POST /_sandbox/script` | a ``SandboxScript`` in YAML or JSON replaces the one in force; `[]` ends it |
/// | `POST /_sandbox/reset` | forgets sessions, calls and counts |
enum SandboxControl {
    static let prefix = "/_sandbox/"

    static func answer(_ request: SandboxRequest, core: SandboxCore) -> SandboxAnswer {
        let name = request.path.dropFirst(prefix.count)
        switch (request.method, name) {
        case ("GET", "calls"):
            let lines = core.calls(after: parameter("since", of: request).flatMap(Int.init) ?? 0).map { $0.json + "\n" }
            return SandboxAnswer(status: 200, contentType: "application/jsonl", body: lines.joined())
        case ("GET", "summary"):
            return SandboxAnswer(status: 200, body: core.summary())
        case ("GET", "otp"):
            let code = parameter("otp_session_id", of: request).flatMap(core.code(of:))
            return code.map { json("otp_code", $0) } ?? failure(404, "no such session")
        case ("POST", "script"):
            do {
                let script = try SandboxScript(yaml: String(decoding: request.body, as: UTF8.self))
                core.setScript(script)
                return SandboxAnswer(status: 200, body: "{\"phases\":\(script.phases.count)}")
            } catch {
                return failure(400, "\(error)")
            }
        case ("POST", "reset"):
            core.reset()
            return SandboxAnswer(status: 200, body: "{}")
        case (_, "calls"), (_, "summary"), (_, "otp"): return failure(405, "GET only", allow: "GET")
        case (_, "script"), (_, "reset"): return failure(405, "POST only", allow: "POST")
        default: return failure(404, "no such path")
        }
    }

    private static func parameter(_ name: String, of request: SandboxRequest) -> String? {
        let items = URLComponents(string: "?\(request.query ?? "")")?.queryItems
        return items?.first { $0.name == name }?.value
    }

    private static func failure(_ status: Int, _ message: String, allow: String? = nil) -> SandboxAnswer {
        SandboxAnswer(status: status, allow: allow, body: json("error", message).body)
    }

    private static func json(_ name: StaticString, _ value: String) -> SandboxAnswer {
        var text = JSONText()
        text.add(name, value)
        return SandboxAnswer(status: 200, body: text.object)
    }
}
