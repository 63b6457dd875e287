package import CheckOTP
import OTPContract
package import OTPKafka
package import OTPWorker

/// Judges whether the cluster lets this user in, and whether its brokers can be reached.
package enum ConnectionChecks {
    /// Who answered.
    package struct Cluster: Equatable, Sendable {
        /// Nil where the brokers do not tell it.
        package var id: String?
        package var brokers: [Admin.Broker]

        /// What the first of its brokers to answer says of it.
        package init(id: String?, brokers: [Admin.Broker]) {
            self.id = id
            self.brokers = brokers
        }
    }

    /// Whether the cluster answered; where it did not, who listens at its address says more than the client's error.
    package static func connection(
        _ asked: Result<Cluster, KafkaError>,
        bootstrap: String,
        finding: AddressProbe.Finding? = nil
    ) -> Diagnosis {
        switch asked {
        case .success(let cluster):
            let count = cluster.brokers.count.counted("broker")
            return .ok("kafka.brokers", "\(bootstrap) answers: \(count), cluster \(cluster.id ?? "without an id")")
        case .failure(let error):
            if let finding {
                return .failure("kafka.brokers", "\(finding.what) (\(error.reason))", remedy: finding.remedy)
            }
            return .failure("kafka.brokers", "no use of \(bootstrap): \(error.reason)", remedy: remedy(error))
        }
    }

    private static func remedy(_ error: KafkaError) -> String {
        // A connection that merely ends within the handshake counts as lost, not as a fault of TLS.
        switch error.reason.contains("SSL routines") ? .ssl : error.code {
        case .resolve: "correct the name in kafka.brokers, or fix this host's name resolution"
        case .authentication, .saslAuthenticationFailed:
            "check kafka.properties.sasl.username and sasl.password, and that the user exists on the cluster"
        case .unsupportedSASLMechanism: "set kafka.properties.sasl.mechanism to one that the brokers have enabled"
        case .ssl:
            "check kafka.properties.ssl.ca.location and the name in the broker's certificate; if the port speaks no TLS,"
                + " kafka.properties.security.protocol"
        default:
            "check kafka.brokers, that the brokers run, and that no firewall is between; if they want TLS or a password, set"
                + " kafka.properties.security.protocol and its companions"
        }
    }

    /// Whether a connection to it came about, or why not.
    ///
    /// A broker sends its clients to the address that it announces, whatever address they began with.
    package static func announced(_ broker: Admin.Broker, _ failure: UpstreamProbe.Failure?) -> Diagnosis {
        let address = "broker \(broker.id) at \(broker.host):\(broker.port)"
        guard let failure else { return .ok("kafka.listeners", "\(address) can be reached") }
        let why =
            switch failure {
            case .unresolved: "its name cannot be resolved here"
            case .connectTimeout: "nothing comes back from there"
            default: "nobody answers there"
            }
        return .failure(
            "kafka.listeners",
            "\(address) cannot be reached: \(why)",
            remedy: "correct advertised.listeners of that broker, or this host's name resolution and firewall"
        )
    }
}
