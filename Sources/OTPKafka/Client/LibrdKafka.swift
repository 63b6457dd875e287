import CRdKafka

/// The library underneath.
package enum LibrdKafka {
    /// Its version, such as `2.0.2`.
    package static var version: String { unsafe String(cString: rd_kafka_version_str()) }
}
