/// What is in memory: how many commands, how many bytes, and how many of them have no outcome yet.
struct Intake {
    private(set) var admission: Admission
    /// Commands without an outcome.
    private(set) var unconcluded = 0

    init(_ admission: Admission) { self.admission = admission }

    var isClosed: Bool { admission.isClosed }
    var isEmpty: Bool { admission.inMemory == 0 }

    mutating func admitted(bytes: Int) -> Admission.Change? {
        unconcluded += 1
        return admission.admitted(bytes: bytes)
    }

    mutating func concluded() { unconcluded -= 1 }

    mutating func finished(_ count: Int, bytes: Int) -> Admission.Change? { admission.finished(count, bytes: bytes) }

    /// Their partitions have gone: all at once, so that intake is not reopened for one that goes with the others.
    mutating func dropped(_ partitions: [Partition]) -> Admission.Change? {
        var (commands, bytes) = (0, 0)
        for partition in partitions {
            unconcluded -= partition.commands.values.count { $0.conclusion == nil }
            commands += partition.commands.count
            bytes += partition.commands.values.reduce(0) { $0 + $1.record.bytes }
        }
        return finished(commands, bytes: bytes)
    }
}
