import InMemoryTracing
import Tracing

extension InMemoryTracer {
    /// The finished spans of a trace, a child further in than its parent, each with its kind and what it came to.
    func tree(of trace: String, below parent: String? = nil, depth: Int = 0) -> [String] {
        let children = finishedSpans.filter { $0.parentSpanID == parent && $0.traceID == trace }
        return children.sorted { $0.spanID < $1.spanID }.flatMap { span in
            var words = [span.operationName, "\(span.kind)"]
            for name in ["otp.status", "otp.reason", "otp.ledger.decision", "http.response.status_code", "error.type"] {
                if let value = span.attributes.get(name) { words.append(value.text) }
            }
            if span.status?.code == .error { words.append("error") }
            if span.attributes.get("otp.replayed")?.text == "true" { words.append("replayed") }
            return [String(repeating: "  ", count: depth) + words.joined(separator: " ")]
                + tree(of: trace, below: span.spanID, depth: depth + 1)
        }
    }
}

extension SpanAttribute {
    var text: String {
        switch self {
        case .string(let text): text
        case .int64(let number): "\(number)"
        case .int32(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        default: "of another kind"
        }
    }
}
