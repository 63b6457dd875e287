/// Commands of Kafka's own tools, as remedies print them: to be run as they stand, but for credentials.
enum KafkaTool {
    static func topics(_ arguments: String, at brokers: String) -> String {
        "kafka-topics --bootstrap-server \(brokers) \(arguments)"
    }

    static func set(_ setting: String, of topic: String, at brokers: String) -> String {
        "kafka-configs --bootstrap-server \(brokers) --alter --topic \(topic) --add-config \(setting)"
    }

    static func grant(_ operations: [String], on resource: String, at brokers: String) -> String {
        let list = operations.map { "--operation \($0)" }.joined(separator: " ")
        return "kafka-acls --bootstrap-server \(brokers) --add --allow-principal User:… \(list) \(resource)"
    }
}
