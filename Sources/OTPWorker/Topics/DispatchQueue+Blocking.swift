import Dispatch

extension DispatchQueue {
    /// Does on this queue what may block, and returns once it is done.
    func run(_ work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { done in
            async {
                work()
                done.resume()
            }
        }
    }
}
