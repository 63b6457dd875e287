/// The last so many of something; what is older is forgotten.
package struct Ring<Element: Sendable>: Sendable {
    package let capacity: Int
    private var elements: [Element] = []
    /// Where the oldest lies, once it is full.
    private var oldest = 0

    /// - Parameter capacity: at least 1.
    package init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    package var count: Int { elements.count }

    package mutating func append(_ element: Element) {
        guard elements.count == capacity else { return elements.append(element) }
        elements[oldest] = element
        oldest = (oldest + 1) % capacity
    }

    /// Those that fit, the newest first, at most `limit`.
    package func newest(_ limit: Int, where fits: (Element) -> Bool = { _ in true }) -> [Element] {
        var found: [Element] = []
        for distance in 1...max(1, elements.count) where distance <= elements.count {
            guard found.count < limit else { break }
            let element = elements[(oldest + elements.count - distance) % elements.count]
            if fits(element) { found.append(element) }
        }
        return found
    }
}
