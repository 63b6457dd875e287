/// Settings that had another name: who writes the old one is told the new one, and nothing is ever silently ignored.
extension Setting {
    /// New keys by the old ones.
    package static let renamed: [String: String] = [
        "breaker.first_opening": "breaker.open_duration",
        "breaker.longest_opening": "breaker.max_open_duration",
        "breaker.halt_pace": "breaker.halt_probe_interval",
        "breaker.longest_halt_pace": "breaker.max_halt_probe_interval",
        "check_otp.budget": "check_otp.total_timeout",
        "check_otp.retry_base": "check_otp.retry_initial_backoff",
        "check_otp.retry_cap": "check_otp.retry_max_backoff",
        "log.form": "log.format",
        "rebalance.settle_timeout": "rebalance.revoke_timeout",
    ]

    /// What else changed, by the old keys.
    static let newValues = ["log.form": ", and its value `human` is `text` now"]
}
