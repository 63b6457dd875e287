import Testing

@testable import OTPKafka

/// A producer that has written into a transaction and then says no more, as one that died.
final class OpenTransaction {
    let id: String
    private let producer: TransactionalProducer

    init(_ common: ClientProperties.Common, id: String, record: OutgoingRecord) throws {
        self.id = id
        producer = try TransactionalProducer(ClientProperties.transactionalProducer(common, transactionalID: id))
        try producer.initTransactions(timeout: .seconds(30))
        let deadline = Deadline(in: .seconds(20))
        #expect(producer.begin(1, until: deadline) == nil)
        #expect(producer.write([record], until: deadline) == nil)
    }

    func end() {
        #expect(producer.close(timeout: .seconds(10)))
    }
}
