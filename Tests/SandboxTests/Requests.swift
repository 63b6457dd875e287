@testable import OTPSandbox

let phone = "5324818942"

/// The body of a check.
func checkBody(_ session: String, _ code: String, phone: String = phone) -> String {
    "{\"user_gsm\":\"\(phone)\",\"otp_session_id\":\"\(session)\",\"otp_code\":\"\(code)\"}"
}

/// A whole HTTP request as text.
func httpRequest(
    _ method: String = "POST",
    _ path: String = "/v1/card/check_otp",
    _ body: String = "",
    headers: String = ""
) -> String {
    """
    \(method) \(path) HTTP/1.1\r
    Host: localhost\r
    Content-Type: application/json; charset=UTF-8\r
    Accept: application/json\r
    \(headers)Content-Length: \(body.utf8.count)\r
    \r
    \(body)
    """
}

/// A whole HTTP request that checks a code.
func httpCheck(_ session: String, _ code: String, headers: String = "") -> String {
    httpRequest(body: checkBody(session, code), headers: headers)
}

private func httpRequest(body: String, headers: String) -> String {
    httpRequest("POST", "/v1/card/check_otp", body, headers: headers)
}

extension SandboxModel {
    /// Puts a check before the model.
    mutating func check(
        _ session: String,
        _ code: String,
        phone: String = phone,
        at now: Duration = .zero
    ) -> SandboxDecision {
        var request = SandboxRequest(contentType: "application/json")
        request.body = Array(checkBody(session, code, phone: phone).utf8)
        return decide(request, at: now)
    }

    /// Puts a sending before the model.
    mutating func send(_ session: String, phone: String = phone, at now: Duration = .zero) -> SandboxDecision {
        var request = SandboxRequest(path: "/v1/card/send_otp", contentType: "application/json")
        request.body = Array("{\"user_gsm\":\"\(phone)\",\"otp_session_id\":\"\(session)\"}".utf8)
        return decide(request, at: now)
    }
}

/// A configuration in which every session exists, changed by `change`.
func implicit(_ change: (inout SandboxConfiguration) -> Void = { _ in }) -> SandboxConfiguration {
    var configuration = SandboxConfiguration()
    configuration.implicitSessions = true
    change(&configuration)
    return configuration
}

/// Runs `body` against a server that is stopped whatever happens.
func withServer(
    _ configuration: SandboxConfiguration = implicit(),
    _ body: (SandboxServer) async throws -> Void
) async throws {
    let server = try await SandboxServer.start(configuration)
    do {
        try await body(server)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}
