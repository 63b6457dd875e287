import OTPEngine

extension EngineConfiguration {
    /// Of a worker that no test looks at more closely.
    static var sample: EngineConfiguration {
        EngineConfiguration(
            topic: "commands",
            group: "group",
            worker: "worker",
            clusterID: "cluster",
            keyID: 1,
            processID: 7,
            transactionalID: "slot"
        )
    }
}
