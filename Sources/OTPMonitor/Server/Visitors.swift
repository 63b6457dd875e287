import NIOCore
import NIOHTTP1
import Synchronization

/// Who may look, and the pages that they have open.
final class Visitors: Sendable {
    /// A page that is open: what it was sent, and since when it takes no more.
    fileprivate struct Stream: Sendable {
        var channel: any Channel
        var range: Overview.Range
        var sent: [Overview.Part: UInt64] = [:]
        var isStalledSince: ContinuousClock.Instant?
    }

    private struct State {
        var credentials: Credentials?
        var streams: [ObjectIdentifier: Stream] = [:]
    }

    private let state: Mutex<State>
    private let maximumStreams: Int

    init(_ credentials: Credentials?, maximumStreams: Int) {
        state = Mutex(State(credentials: credentials))
        self.maximumStreams = maximumStreams
    }

    /// Nil where everybody may look.
    var credentials: Credentials? { state.withLock { $0.credentials } }

    func use(_ credentials: Credentials) { state.withLock { $0.credentials = credentials } }

    /// Streams that are open.
    var count: Int { state.withLock { $0.streams.count } }

    /// What the open pages show.
    var ranges: Set<Overview.Range> { state.withLock { Set($0.streams.values.map(\.range)) } }

    /// False when there are too many.
    func add(_ channel: any Channel, _ range: Overview.Range) -> Bool {
        let id = ObjectIdentifier(channel)
        let isTaken = state.withLock { state in
            guard state.streams.count < maximumStreams else { return false }
            state.streams[id] = Stream(channel: channel, range: range)
            return true
        }
        if isTaken { channel.closeFuture.whenComplete { _ in self.state.withLock { $0.streams[id] = nil } } }
        return isTaken
    }

    /// Sends to each what has changed, and that the monitor is there; nothing to one that has not taken what was sent before, and the end
    /// to one that takes nothing for as long as `patience`.
    func offer(_ feed: PartFeed, patience: Duration) {
        state.withLock { state in
            for id in state.streams.keys { state.streams[id]?.offer(feed, patience) }
        }
    }
}

extension Visitors.Stream {
    fileprivate mutating func offer(_ feed: PartFeed, _ patience: Duration) {
        guard channel.isWritable else {
            let since = isStalledSince ?? .now
            isStalledSince = since
            if .now - since > patience { channel.close(promise: nil) }
            return
        }
        isStalledSince = nil
        var bytes = ByteBuffer()
        for part in feed.changes(range, since: sent) {
            bytes.writeBytes(part.bytes)
            sent[part.id] = part.version
        }
        bytes.writeBytes(ServerEvent.beat)
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(bytes)), promise: nil)
    }
}
