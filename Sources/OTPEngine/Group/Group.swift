/// This process as a member of the consumer group: its lease, its subscription, what it is asked to give back, and its way out.
///
/// It knows nothing of what its partitions hold.
struct Group {
    /// Partitions that are to be given back.
    struct Revocation {
        fileprivate(set) var partitions: [Int32]
        /// They are given back then, finished or not, if no transaction holds anything of theirs: a time-out after something of theirs
        /// came to its end last, so that a worker which is merely slow leaves nothing in doubt that it is about to finish.
        fileprivate(set) var deadline: Instant
        fileprivate let timeout: Duration
        /// What this worker keeps is not read meanwhile, so there is an end to it.
        let latest: Instant

        /// When time alone may end it next.
        func nextEnd(at now: Instant) -> Instant { now < deadline ? deadline : latest }
    }

    private(set) var membership: Membership
    private(set) var drain = Drain()
    private(set) var isSubscribed = false
    /// Why there is no consumer, or none that got on since.
    private(set) var failure: String?
    private(set) var revocation: Revocation?
    private var backOff = BackOff()
    /// Not reset by a success: two processes with one instance id would take each other's place for ever.
    private var displacedBackOff: BackOff

    init(sessionTimeout: Duration, now: Instant) {
        membership = Membership(sessionTimeout: sessionTimeout, now: now)
        displacedBackOff = BackOff(
            first: sessionTimeout,
            longest: max(sessionTimeout, Limits.longestDisplacement)
        )
    }

    // MARK: The lease

    var isLeaseValid: Bool { membership.isLeaseValid }
    /// Calls may begin: nothing is known of another owner, and nobody asked for the end.
    var isAsking: Bool { isLeaseValid && isRunning }
    /// A commit would make the lease valid again.
    func needsProof(at now: Instant) -> Bool { !isLeaseValid && membership.canProve(at: now) }

    /// The loop turns: a long gap since the last turn is a sleep, which loses the lease.
    /// - Returns: that the lease is lost, if that is news.
    mutating func turned(at now: Instant) -> Fact? { membership.turned(at: now) ? loss : nil }

    mutating func fenced() -> Fact? { membership.fenced() ? loss : nil }

    private var loss: Fact? { membership.cause.map { .leaseLost($0) } }

    /// - Returns: that the lease is valid again, if it is by that.
    mutating func coordinatorHeard(at moment: Instant, ownsNothing: Bool, now: Instant) -> Fact? {
        membership.coordinatorHeard(at: moment, now: now)
        return ownsNothing && membership.ownsNothing(at: now) ? .leaseRegained : nil
    }

    /// A batch committed: the broker still takes the consumer for the owner.
    /// - Returns: that the lease is valid again, if the batch was formed after its last loss.
    mutating func committed(formedAfter leaseLosses: UInt64, at now: Instant) -> Fact? {
        membership.proven(by: leaseLosses, at: now) ? .leaseRegained : nil
    }

    // MARK: The consumer

    /// The group has taken us in, or a commit came through.
    mutating func joined() { failure = nil }

    mutating func gotOn() {
        backOff.succeeded()
        failure = nil
    }

    /// The consumer can't go on: nothing is owned any more.
    /// - Returns: how long to wait before another is made.
    mutating func consumerFailed(isDisplaced: Bool, reason: String) -> Duration {
        failure = reason
        membership.consumerReplaced()
        revocation = nil
        return isDisplaced ? displacedBackOff.failed() : backOff.failed()
    }

    mutating func consumerRecreated() { isSubscribed = false }

    /// - Returns: whether to subscribe now.
    mutating func producerIsThere() -> Bool {
        guard !isSubscribed, isRunning else { return false }
        isSubscribed = true
        return true
    }

    // MARK: Giving back

    /// One answer gives back all that was asked for, so what is unanswered stays in it.
    mutating func revoked(_ numbers: [Int32], at now: Instant, timeout: Duration) {
        guard revocation == nil else {
            revocation?.partitions += numbers
            return
        }
        revocation = Revocation(
            partitions: numbers,
            deadline: now + timeout,
            timeout: timeout,
            latest: now + max(timeout, Limits.longestRevocation)
        )
    }

    /// An intent, a call or a transaction of one that is to be given back came to its end, well or badly, and that was told.
    mutating func gotFurther(with number: Int32, at now: Instant) {
        guard let revocation, revocation.partitions.contains(number) else { return }
        self.revocation?.deadline = min(now + revocation.timeout, revocation.latest)
    }

    /// What was to be given back is given back, or was lost before.
    mutating func released() { revocation = nil }

    // MARK: The way out

    var isRunning: Bool { drain.isRunning }

    /// Returns whether this is news.
    mutating func drainRequested(at now: Instant, timeout: Duration) -> Bool {
        drain.requested(at: now, timeout: timeout)
    }

    /// Returns true once: when the worker may leave.
    mutating func drainProgressed(isIdle: Bool, at now: Instant) -> Bool { drain.progressed(isIdle: isIdle, at: now) }
}
