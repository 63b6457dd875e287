import OTPContract
package import OTPDoctor

/// What was found, a line each for people, or as one JSON object for programs.
package enum DoctorText {
    package static func line(_ finding: Diagnosis) -> String {
        let severity = finding.severity.rawValue.padded(to: 8)
        let line = "\(severity) \(finding.check): \(finding.message.visible())"
        return finding.remedy.map { line + "\n         → \($0.visible())" } ?? line
    }

    package static func summary(_ findings: [Diagnosis]) -> String {
        let counts = [Diagnosis.Severity.failure, .warning, .skipped].compactMap { severity -> String? in
            let count = findings.count { $0.severity == severity }
            return count == 0 ? nil : "\(count) \(severity.rawValue)\(count == 1 || severity == .skipped ? "" : "s")"
        }
        let ok = "\(findings.count { $0.severity == .ok }) ok"
        return "\n" + (counts + [ok]).joined(separator: ", ")
    }

    /// `{"worst":…,"findings":[{"check","severity","message","remedy"}]}`.
    package static func json(_ findings: [Diagnosis]) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("worst")
        let worst = [Diagnosis.Severity.failure, .warning].first { severity in
            findings.contains { $0.severity == severity }
        }
        json.string((worst ?? .ok).rawValue)
        json.key("findings")
        json.beginArray()
        for finding in findings {
            json.beginObject()
            json.key("check")
            json.string(finding.check)
            json.key("severity")
            json.string(finding.severity.rawValue)
            json.key("message")
            json.string(finding.message)
            json.key("remedy")
            if let remedy = finding.remedy { json.string(remedy) } else { json.null() }
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
