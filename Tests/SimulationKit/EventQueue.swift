/// What is going to happen, by the moment and then in the order of asking.
///
/// It knows nothing of what an item does.
struct EventQueue {
    struct Item {
        var at: Int64
        var order: UInt64
        var body: () -> Void
    }

    private var heap: [Item] = []
    private var pushed: UInt64 = 0

    var isEmpty: Bool { heap.isEmpty }

    mutating func push(at: Int64, _ body: @escaping () -> Void) {
        pushed += 1
        heap.append(Item(at: at, order: pushed, body: body))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Item? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            if least == parent { return first }
            heap.swapAt(least, parent)
            parent = least
        }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        heap[left].at == heap[right].at ? heap[left].order < heap[right].order : heap[left].at < heap[right].at
    }
}
