/// The partitions that this worker owns, each within its epoch, and what is known of the outputs of all.
struct Partitions {
    /// Ascending by number, so that what their order decides can be repeated.
    private var owned: [Partition] = []
    private var nextEpoch: UInt32 = 1
    /// Partitions of the commands whose results or ledger cannot be written, and why; owned or not.
    private(set) var unwritable: [Int32: String] = [:]
    /// When the leaders are asked next where the partitions end.
    private(set) var nextEnds: Instant

    init(now: Instant) { nextEnds = now }

    var isEmpty: Bool { owned.isEmpty }
    var count: Int { owned.count }
    /// Ascending by number.
    var all: some Collection<Partition> { owned }
    var numbers: [Int32] { owned.map(\.epoch.partition) }

    subscript(number: Int32) -> Partition? {
        let index = index(of: number)
        return index < owned.count && owned[index].epoch.partition == number ? owned[index] : nil
    }

    /// The partition of this epoch; nil when it has gone since, or began again.
    subscript(epoch: PartitionEpoch) -> Partition? {
        guard let partition = self[epoch.partition], partition.epoch == epoch else { return nil }
        return partition
    }

    /// Ascending by number.
    func inOrder(where isMeant: (Partition) -> Bool) -> [Partition] { owned.filter(isMeant) }

    /// Where a partition of this number stands, or would.
    private func index(of number: Int32) -> Int {
        var low = 0
        var high = owned.count
        while low < high {
            let middle = (low + high) / 2
            if owned[middle].epoch.partition < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// A new epoch begins.
    mutating func assigned(_ number: Int32, at now: Instant) -> Partition {
        let partition = Partition(epoch: PartitionEpoch(partition: number, epoch: nextEpoch), now: now)
        nextEpoch += 1
        precondition(self[number] == nil, "an epoch begins when the one before has been dropped")
        owned.insert(partition, at: index(of: number))
        return partition
    }

    /// - Returns: what went with it; nil when it was not owned.
    mutating func dropped(_ number: Int32) -> Partition? {
        self[number] == nil ? nil : owned.remove(at: index(of: number))
    }

    /// What the cluster's metadata says of the outputs.
    mutating func looked(_ unwritable: [Int32: String]) { self.unwritable = unwritable }

    /// - Returns: those of which nothing says that they are read, if it is time to ask for their ends.
    mutating func endsDue(at now: Instant) -> [PartitionEpoch] {
        guard now >= nextEnds else { return [] }
        nextEnds = now + Limits.endsInterval
        return inOrder { $0.isActive && $0.reading.isMeantToBeRead }.map(\.epoch)
    }
}
