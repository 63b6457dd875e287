import DequeModule
import OTPContract

/// Results that are read before the acknowledgement says where their command lies: it decides then whose they are.
///
/// The oldest make room when there are too many.
struct EarlyAnswers {
    private var answers: [Coordinates: Answer] = [:]
    private var order = Deque<Coordinates>()
    private var bytes = 0
    private let maximumCount: Int
    private let maximumBytes: Int

    init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    var count: Int { answers.count }

    mutating func keep(_ answer: Answer) {
        let coordinates = answer.event.source
        guard answers[coordinates] == nil else { return }
        answers[coordinates] = answer
        order.append(coordinates)
        bytes += answer.bytes
        while answers.count > maximumCount || bytes > maximumBytes || order.count > 2 * maximumCount {
            guard let oldest = order.popFirst() else { break }
            _ = remove(oldest)
        }
    }

    mutating func remove(_ coordinates: Coordinates) -> Answer? {
        guard let answer = answers.removeValue(forKey: coordinates) else { return nil }
        bytes -= answer.bytes
        return answer
    }

    mutating func removeAll() {
        guard !order.isEmpty else { return }
        answers = [:]
        order = []
        bytes = 0
    }
}
