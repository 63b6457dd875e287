import NIOCore
import OTPContract
import OTPEngine

/// The engine's whole state as JSON, for `/status`, with who says it and what is known of the keys and of the partitions' ends.
///
/// The state is taken on the loop, in one turn.
struct StatusPage {
    let version: String
    let configuration: WorkerConfiguration
    let keys: KeyWatch
    let telemetry: Telemetry

    func render(_ engineLoop: EngineLoop) async -> [UInt8] {
        guard let status = try? await engineLoop.eventLoop.submit({ engineLoop.status }).get() else {
            return Array("{}".utf8)
        }
        return Self.render(status, self)
    }

    static func render(_ status: EngineStatus, _ page: StatusPage? = nil) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        if let page {
            field("worker", page.configuration.name, &json)
            field("version", page.version, &json)
            field("group", page.configuration.kafka.groupID, &json)
            field("topic", page.configuration.topics.commands, &json)
        }
        field("producer_ready", status.hasProducer, &json)
        field("subscribed", status.isSubscribed, &json)
        field("lease_valid", status.isLeaseValid, &json)
        if let cause = status.leaseLoss { field("lease_loss", cause.rawValue, &json) }
        if let reason = status.producerFailure { field("producer_failure", reason, &json) }
        if let reason = status.consumerFailure { field("consumer_failure", reason, &json) }
        field("draining", status.isDraining, &json)
        field("intake_closed", status.isIntakeClosed, &json)
        field("commands_in_memory", status.commandsInMemory, &json)
        field("commands_without_outcome", status.unconcluded, &json)
        field("calls_in_flight", status.inFlight, &json)
        if let age = status.oldestAge { field("oldest_unfinished_ms", Int(age.milliseconds), &json) }
        json.key("upstream")
        render(status.upstream, &json)
        if let page {
            json.key("keys")
            page.keys.render(&json)
        }
        json.key("partitions")
        json.beginArray()
        for partition in status.partitions {
            json.beginObject()
            field("partition", Int(partition.number), &json)
            field("phase", partition.phase, &json)
            if let reason = partition.parkedFor { field("parked_for", reason, &json) }
            field("committed_offset", Int(partition.committedOffset), &json)
            field("next", Int(partition.next), &json)
            if let end = page?.telemetry.end(of: partition.number) {
                field("end", Int(end), &json)
                field("lag", Int(max(0, end - partition.committedOffset)), &json)
            }
            field("commands", partition.commands, &json)
            field("waiting_sessions", partition.waitingSessions, &json)
            field("sessions", partition.sessions, &json)
            field("sessions_in_doubt", partition.sessionsInDoubt, &json)
            field("paused", partition.isPaused, &json)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func render(_ upstream: EngineStatus.Upstream, _ json: inout JSONWriter) {
        json.beginObject()
        field("state", upstream.state.rawValue, &json)
        if let cause = upstream.cause { field("cause", cause, &json) }
        if let duration = upstream.haltedFor { field("halted_for_ms", Int(duration.milliseconds), &json) }
        if let duration = upstream.reopensIn { field("reopens_in_ms", Int(duration.milliseconds), &json) }
        field("concurrency_limit", upstream.concurrencyLimit, &json)
        if let share = upstream.rateShare { field("rate_share", Int(share.rounded()), &json) }
        field("waiting", upstream.waiting, &json)
        json.endObject()
    }

    private static func field(_ name: StaticString, _ value: String, _ json: inout JSONWriter) {
        json.key("\(name)")
        json.string(value)
    }

    private static func field(_ name: StaticString, _ value: Int, _ json: inout JSONWriter) {
        json.key("\(name)")
        json.integer(Int64(value))
    }

    private static func field(_ name: StaticString, _ value: Bool, _ json: inout JSONWriter) {
        json.key("\(name)")
        json.bool(value)
    }
}
