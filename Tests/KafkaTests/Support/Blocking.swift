import Dispatch

/// Runs a call that blocks on a thread of its own, so that it cannot starve the tests' pool.
func blocking<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: body()) }
    }
}
