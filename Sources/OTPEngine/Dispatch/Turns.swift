import DequeModule

/// Something that can run empty.
protocol Queue {
    init()
    var isEmpty: Bool { get }
}

extension Deque: Queue {}

/// Queues that take turns: each that holds something gives one away, and goes to the end of the line.
///
/// A queue that runs empty is forgotten, so what is kept is never more than what waits.
struct Turns<Name: Hashable, Line: Queue> {
    private var queues: [Name: Line] = [:]
    /// The names of those that are kept, each once.
    private var order: Deque<Name> = []

    /// Changes a queue, which begins empty if there is none of that name.
    mutating func update(_ name: Name, _ change: (inout Line) -> Void) {
        if queues[name] == nil { order.append(name) }
        change(&queues[name, default: Line()])
    }

    /// What the next in turn gives away.
    mutating func next<Element>(_ pop: (inout Line) -> Element?) -> Element? {
        while let name = order.popFirst() {
            let element = pop(&queues[name, default: Line()])
            if queues[name]?.isEmpty == false { order.append(name) } else { queues[name] = nil }
            if let element { return element }
        }
        return nil
    }

    mutating func updateAll(_ change: (inout Line) -> Void) {
        for name in order { change(&queues[name, default: Line()]) }
        order.removeAll { queues[$0]?.isEmpty != false }
        queues = queues.filter { !$0.value.isEmpty }
    }

    func reduce<Result>(_ start: Result, _ combine: (Result, Line) -> Result) -> Result {
        order.reduce(start) { result, name in queues[name].map { combine(result, $0) } ?? result }
    }
}
