import UnixSignals

/// Waits for the first SIGINT or SIGTERM.
enum Signals {
    static func wait() async {
        for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return }
    }
}
