/// The consumer group's coordinator: members, generations, and a cooperative, sticky assignment.
///
/// A generation begins when every member it knows has joined; one that is silent for the session time-out is put out.
final class Group {
    final class Member {
        let id: String
        let instance: String?
        var consumer: Consumer
        var owned: Set<Int32> = []
        var assignment: Set<Int32> = []
        /// Answers its join of the generation to come; with a nil id when it is put out before.
        var joined: ((String?, Int, Set<Int32>) -> Void)?

        init(id: String, instance: String?, consumer: Consumer) {
            self.id = id
            self.instance = instance
            self.consumer = consumer
        }
    }

    private let world: World
    private(set) var generation = 0
    private var members: [Member] = []
    private var isRebalancing = false
    private var round = 0
    private var joins = 0
    /// Grants of each partition so far, and to whom the last was.
    private(set) var grants: [Int32: Int] = [:]

    init(world: World) { self.world = world }

    func tearDown() { members = [] }

    func accepts(_ metadata: GroupMetadata) -> Bool {
        metadata.generation == generation && members.contains { $0.id == metadata.memberID }
    }

    func knows(_ memberID: String) -> Bool { members.contains { $0.id == memberID } }

    // MARK: Joining and leaving

    /// Answers with the new generation and this member's partitions, or with a nil id for a member that is not known.
    func join(
        _ consumer: Consumer,
        as known: String?,
        instance: String?,
        owned: Set<Int32>,
        _ reply: @escaping (_ memberID: String?, Int, Set<Int32>) -> Void
    ) {
        if let known {
            guard let member = members.first(where: { $0.id == known }) else { return reply(nil, -1, []) }
            member.owned = owned
            member.joined = reply
            if !isRebalancing { rebalance() }
            return completeIfJoined()
        }
        // A client that asks again forgets an answer that is still on its way.
        for member in members where member.consumer === consumer {
            world.after(world.uniform(ms(5)...Plan.heartbeat)) { consumer.heartbeatRefused(member.id) }
        }
        members.removeAll { $0.consumer === consumer }
        joins += 1
        let id = "m\(joins)"
        let member = Member(id: id, instance: instance, consumer: consumer)
        if let instance, let index = members.firstIndex(where: { $0.instance == instance }) {
            let old = members[index]
            member.assignment = old.assignment
            members[index] = member
            old.joined = nil
            old.consumer.fenced()
            world.coverage.hit(.transition(.staticRejoin))
            let assigned = Set(members.flatMap(\.assignment))
            // A real coordinator would leave what is nobody's as it is until the next rebalance.
            if !isRebalancing, assigned.count == Int(world.plan.partitions) {
                for partition in member.assignment { grants[partition, default: 0] += 1 }
                return reply(id, generation, member.assignment)
            }
        } else {
            members.append(member)
        }
        member.joined = reply
        if !isRebalancing { rebalance() }
        completeIfJoined()
    }

    func leave(_ memberID: String) { remove(members.filter { $0.id == memberID }, why: "left") }

    /// The session of whatever member this client is ran out.
    func expire(_ consumer: Consumer) {
        remove(members.filter { $0.consumer === consumer }, why: "session timed out")
    }

    private func remove(_ gone: [Member], why: String) {
        guard !gone.isEmpty else { return }
        world.trace("group: \(gone.map(\.id)) out (\(why))")
        members.removeAll { member in gone.contains { $0 === member } }
        for member in gone {
            member.joined?(nil, -1, [])
            // Its next heartbeat tells it, if there is one.
            world.after(world.uniform(ms(5)...Plan.heartbeat)) { member.consumer.heartbeatRefused(member.id) }
        }
        if isRebalancing { completeIfJoined() } else if !members.isEmpty { rebalance() }
    }

    private func rebalance() {
        isRebalancing = true
        round += 1
        let begun = round
        for member in members where member.joined == nil {
            tell(member, round: begun, after: world.uniform(0...Plan.heartbeat))
        }
        // Who has not joined by then (`max.poll.interval.ms`) is put out.
        world.after(sec(60)) { [self] in
            guard isRebalancing, round == begun else { return }
            remove(members.filter { $0.joined == nil }, why: "never joined")
        }
    }

    /// Every heartbeat is answered with it, until the member has joined: one that comes before its own join's answer is lost.
    private func tell(_ member: Member, round begun: Int, after delay: Int64) {
        world.after(delay) { [self] in
            guard isRebalancing, round == begun, member.joined == nil, knows(member.id) else { return }
            member.consumer.groupIsRebalancing(member.id)
            tell(member, round: begun, after: Plan.heartbeat)
        }
    }

    private func completeIfJoined() {
        guard isRebalancing, !members.isEmpty, members.allSatisfy({ $0.joined != nil }) else { return }
        isRebalancing = false
        generation += 1
        assign()
        for member in members {
            let joined = member.joined
            member.joined = nil
            joined?(member.id, generation, member.assignment)
        }
    }

    /// Balanced, and everybody keeps what it has as far as that allows.
    ///
    /// What one has to give up is nobody's until it has.
    private func assign() {
        let partitions = world.plan.partitions
        let ordered = members.sorted { $0.id < $1.id }
        var kept: Set<Int32> = []
        var target: [String: Set<Int32>] = [:]
        for (index, member) in ordered.enumerated() {
            let share = Int(partitions) / ordered.count + (index < Int(partitions) % ordered.count ? 1 : 0)
            let mine = Set(member.owned.subtracting(kept).sorted().prefix(share))
            kept.formUnion(mine)
            target[member.id] = mine
        }
        var free = (0..<partitions).filter { !kept.contains($0) }
        for (index, member) in ordered.enumerated() {
            let share = Int(partitions) / ordered.count + (index < Int(partitions) % ordered.count ? 1 : 0)
            while (target[member.id]?.count ?? 0) < share, let next = free.first {
                free.removeFirst()
                target[member.id]?.insert(next)
            }
        }
        let owned = Set(ordered.flatMap(\.owned))
        for member in ordered {
            let mine = target[member.id] ?? []
            let before = member.assignment.union(member.owned)
            member.assignment = mine.filter { member.owned.contains($0) || !owned.contains($0) }
            for partition in member.assignment.subtracting(before).sorted() {
                grants[partition, default: 0] += 1
            }
        }
        world.trace(
            "group: generation \(generation): "
                + ordered.map { "\($0.id)=\($0.assignment.sorted())" }.joined(separator: " ")
        )
    }
}
