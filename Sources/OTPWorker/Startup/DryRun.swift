import CheckOTP
import OTPContract
import OTPKafka

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Puts together what a worker is made of, as far as that connects to nobody: what would end a start is found before it.
package enum DryRun {
    /// Everything that is wrong, each with its setting.
    package static func faults(_ configuration: WorkerConfiguration) -> [StartFailure] {
        [clients(configuration), upstream(configuration.checkOTP), adminAddress(configuration.admin)].compactMap { $0 }
    }

    private static func clients(_ configuration: WorkerConfiguration) -> StartFailure? {
        let kafka = configuration.kafka
        do throws(KafkaError) {
            try ClientProperties.dryRun(
                .init(bootstrapServers: "", clientID: configuration.name, passThrough: kafka.properties),
                groupID: kafka.groupID,
                instanceID: kafka.groupInstanceID,
                transactionalID: configuration.slotTransactionalID ?? kafka.groupID,
                sessionTimeout: kafka.sessionTimeout,
                transactionTimeout: kafka.transactionTimeout
            )
            return nil
        } catch {
            let name = kafka.properties.keys.sorted().first { error.reason.contains($0) }
            return StartFailure(
                .configuration,
                setting: name.map { Setting.propertyPrefix + $0 } ?? "kafka.properties",
                error.reason,
                remedy: "correct or remove the property"
            )
        }
    }

    private static func upstream(_ upstream: WorkerConfiguration.CheckOTP) -> StartFailure? {
        do {
            _ = try upstream.clientConfiguration().makeTLSContext()
            return nil
        } catch {
            return StartFailure(explaining: error)
        }
    }

    /// Whether the address for probes and metrics is one of this machine, and the port one that this user may take.
    ///
    /// That somebody listens there now is no fault: it may be the worker that runs already.
    package static func adminAddress(_ admin: WorkerConfiguration.Admin) -> StartFailure? {
        guard admin.isEnabled else { return nil }
        var hints = addrinfo.ofStreams
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(admin.host, "\(admin.port)", &hints, &list) == 0, let address = list?.pointee else {
            return StartFailure(
                .configuration,
                setting: "admin.host",
                "\(admin.host) has no address",
                remedy: "write an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
            )
        }
        defer { freeaddrinfo(list) }
        let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var isOn: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, address.ai_addr, address.ai_addrlen) != 0 else { return nil }
        switch errno {
        case EADDRINUSE: return nil
        case EACCES:
            return StartFailure(
                .configuration,
                setting: "admin.port",
                "this user may not listen on port \(admin.port)",
                remedy: "write a port from 1024 on, or 0 for any"
            )
        default:
            return StartFailure(
                .configuration,
                setting: "admin.host",
                "\(admin.host) is no address of this machine",
                remedy: "write one of its own, such as 127.0.0.1, or 0.0.0.0 for all of them"
            )
        }
    }
}
