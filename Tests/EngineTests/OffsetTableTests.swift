import OTPEngine
import Testing

@Suite("Offset table: values by offset, the oldest first to go")
struct OffsetTableTests {
    private func table(_ offsets: [Int64]) -> OffsetTable<String> {
        var table = OffsetTable<String>()
        for offset in offsets { table.append("\(offset)", at: offset) }
        return table
    }

    @Test func whatLiesBetweenIsEmpty() {
        let table = table([7, 8, 12])
        #expect((5...14).map { table[$0] } == [nil, nil, "7", "8", nil, nil, nil, "12", nil, nil])
        #expect(Array(table.values) == ["7", "8", "12"])
        #expect(table.count == 3)
    }

    @Test(arguments: [[7, 8, 12], [12, 8, 7], [8, 12, 7], [8, 7, 12]] as [[Int64]])
    func removedInAnyOrder(order: [Int64]) {
        var table = table([7, 8, 12])
        for (index, offset) in order.enumerated() {
            #expect(table.remove(at: offset) == "\(offset)")
            #expect(table.remove(at: offset) == nil)
            #expect(Array(table.values) == [7, 8, 12].filter { !order[...index].contains($0) }.map { "\($0)" })
        }
        #expect(table.isEmpty)
        // However far away the next one lies.
        table.append("far", at: 1 << 60)
        #expect(table[1 << 60] == "far")
        #expect(Array(table.values) == ["far"])
    }

    @Test func whatIsTakenBackMakesRoomForTheNext() {
        var table = table([1, 2, 3])
        #expect(table.remove(at: 3) == "3")
        #expect(table.remove(at: 2) == "2")
        table.append("4", at: 4)
        #expect((1...4).map { table[$0] } == ["1", nil, nil, "4"])
        #expect(table.count == 2)
    }
}
