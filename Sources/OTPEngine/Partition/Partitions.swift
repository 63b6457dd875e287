/// The partitions that this worker owns, each within its epoch, and what is known of the outputs of all.
struct Partitions {
    private var owned: [Int32: Partition] = [:]
    private var nextEpoch: UInt32 = 1
    /// Partitions of the commands whose results or ledger cannot be written, and why; owned or not.
    private(set) var unwritable: [Int32: String] = [:]
    /// When the leaders are asked next where the partitions end.
    private(set) var nextEnds: Instant

    init(now: Instant) { nextEnds = now }

    var isEmpty: Bool { owned.isEmpty }
    var count: Int { owned.count }
    /// In no order: for what no order can change.
    var all: some Collection<Partition> { owned.values }
    var numbers: [Int32] { owned.keys.sorted() }

    subscript(number: Int32) -> Partition? { owned[number] }

    /// The partition of this epoch; nil when it has gone since, or began again.
    subscript(place: PartitionEpoch) -> Partition? {
        guard let partition = owned[place.partition], partition.place == place else { return nil }
        return partition
    }

    /// Ascending by number: what a dictionary's order decided could not be repeated.
    func inOrder(where isMeant: (Partition) -> Bool) -> [Partition] {
        owned.values.filter(isMeant).sorted { $0.place.partition < $1.place.partition }
    }

    /// A new epoch begins.
    mutating func assigned(_ number: Int32, at now: Instant) -> Partition {
        let partition = Partition(place: PartitionEpoch(partition: number, epoch: nextEpoch), now: now)
        nextEpoch += 1
        owned[number] = partition
        return partition
    }

    /// - Returns: what went with it; nil when it was not owned.
    mutating func dropped(_ number: Int32) -> Partition? { owned.removeValue(forKey: number) }

    /// What the cluster's metadata says of the outputs.
    mutating func looked(_ unwritable: [Int32: String]) { self.unwritable = unwritable }

    /// - Returns: those of which nothing says that they are read, if it is time to ask for their ends.
    mutating func endsDue(at now: Instant) -> [PartitionEpoch] {
        guard now >= nextEnds else { return [] }
        nextEnds = now + Limits.endsInterval
        return inOrder { $0.isActive && $0.reading.isMeantToBeRead }.map(\.place)
    }
}
