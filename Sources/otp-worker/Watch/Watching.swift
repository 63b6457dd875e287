import Dispatch
import OTPContract
import OTPKafka
import OTPMonitor
import OTPVerifyClient
import Synchronization

/// The loop of `watch`: results from the follower and news of the cluster, onto a page or into lines, until enough is seen.
final class Watching: @unchecked Sendable {
    // Safe because the follower and the count are used by one thread, the loop's, and the rest is guarded.
    private let follower: ResultFollower
    private var left: Int
    private let news = Mutex<LagReader.News?>(nil)
    private let isEnded = Atomic<Bool>(false)

    private static let drawingPause = Duration.milliseconds(250)
    private static let batch = 1_000

    init(follower: ResultFollower, limit: Int) {
        self.follower = follower
        left = limit
    }

    /// May be called by any thread.
    func update(_ news: LagReader.News) { self.news.withLock { $0 = news } }

    private func followGrowth() {
        if case .lags(_, let partitions) = news.withLock({ $0 }) { follower.grow(to: partitions) }
    }

    // MARK: Lines

    /// Prints each result; returns when the limit is reached.
    func printLines(asTable: Bool) {
        let table = ResultLine.table.fitted(to: Console.columns)
        if asTable { Console.write(table.header) }
        var silence: String?
        while left > 0 {
            followGrowth()
            for record in follower.poll(timeout: .milliseconds(500), maximum: min(left, Self.batch)) {
                left -= 1
                guard let value = record.value, let event = try? ResultEvent.decode(value) else {
                    Console.printError("\(record): not a result that this version can read")
                    continue
                }
                if asTable {
                    Console.write(table.line(ResultLine.cells(event)))
                } else {
                    Console.write(json: value)
                }
            }
            let now = Self.silence(follower.trouble, news.withLock { $0 })
            if (now == nil) != (silence == nil) {
                Console.printError(
                    now.map { "no answer from the cluster, waiting for it: \($0)" } ?? "the cluster answers again"
                )
            }
            silence = now
        }
    }

    /// Why the cluster is silent; nil when it is not.
    private static func silence(_ trouble: KafkaError?, _ news: LagReader.News?) -> String? {
        if let trouble { return "\(trouble)" }
        if case .silent(let error) = news { return "\(error)" }
        return nil
    }

    // MARK: The page

    /// Draws until the limit is reached or the user interrupts.
    func draw(_ view: FleetView, on screen: Screen) async {
        screen.open()
        defer { screen.close() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Signals.wait() }
            group.addTask {
                await withCheckedContinuation { done in
                    DispatchQueue(label: "otp-worker.watch").async {
                        self.loop(view, screen)
                        done.resume()
                    }
                }
            }
            await group.next()
            isEnded.store(true, ordering: .relaxed)
            group.cancelAll()
        }
    }

    private func loop(_ view: FleetView, _ screen: Screen) {
        var view = view
        let began = ContinuousClock.now
        var drawsAt = began
        while left > 0, !isEnded.load(ordering: .relaxed) {
            let now = ContinuousClock.now
            if now >= drawsAt {
                followGrowth()
                note(&view, at: now - began)
                let size = screen.size
                screen.draw(FleetText.lines(view, at: now - began, width: size.width, height: size.height))
                drawsAt = now + Self.drawingPause
            }
            let records = follower.poll(timeout: drawsAt - now, maximum: min(left, Self.batch))
            let arrived = ContinuousClock.now - began
            for record in records {
                left -= 1
                if let event = record.value.flatMap({ try? ResultEvent.decode($0) }) {
                    view.result(event, at: arrived)
                } else {
                    view.unreadableResult()
                }
            }
        }
    }

    private func note(_ view: inout FleetView, at now: Duration) {
        let news = news.withLock { $0 }
        switch news {
        case .lags(let lags, _): view.lag = .known(lags)
        case .refused(let error): view.lag = .refused(reason: "\(error)")
        case .silent, nil: break
        }
        guard let reason = Self.silence(follower.trouble, news) else {
            view.connection = .well
            return
        }
        if case .lost(let since, _) = view.connection {
            view.connection = .lost(since: since, reason: reason)
        } else {
            view.connection = .lost(since: now, reason: reason)
        }
    }
}
