import Configuration
import Hummingbird
import Logging
import OTPVerifyClient
import ServiceLifecycle

// Answers POST /verify by asking otp-workers. README.md has the variables that configure it, and what it answers.
let settings = ConfigReader(provider: EnvironmentVariablesProvider())
let logger = Logger(label: "verify-service")

let client = try OTPVerifyClient(configuration: .init(from: settings), logger: logger)

let router = Router()
router.post("/verify") { request, context in try await answer(request, context, asking: client) }
// For a readiness probe and a load balancer: without answers from the cluster no request can succeed here.
router.get("/health") { _, _ in
    let (status, word): (HTTPResponse.Status, String) =
        client.isListening ? (.ok, "listening") : (.serviceUnavailable, "not listening")
    return EditedResponse(status: status, response: word + "\n")
}

let server = Application(
    router: router,
    server: .http1(configuration: .init(idleTimeout: .seconds(60))),
    configuration: .init(
        address: .hostname(
            settings.string(forKey: "http.host", default: "127.0.0.1"),
            port: settings.int(forKey: "http.port", default: 8080)
        )
    ),
    logger: logger
)

// Services end in the reverse of this order: the server answers what is under way before the client ends.
var group = ServiceGroupConfiguration(
    services: [client, server],
    gracefulShutdownSignals: [.sigterm, .sigint],
    logger: logger
)
group.maximumGracefulShutdownDuration = client.configuration.timeout + .seconds(5)
try await ServiceGroup(configuration: group).run()

extension OTPVerifyClient.Configuration {
    /// Topics and properties of librdkafka by the variables that workers have, so that one file serves both.
    init(from settings: ConfigReader) throws {
        self.init(brokers: try settings.requiredString(forKey: "otp.kafka.brokers"))
        clientID = "verify-service"
        commandTopic = settings.string(forKey: "otp.topics.commands", default: commandTopic)
        resultTopic = settings.string(forKey: "otp.topics.results", default: resultTopic)
        for name in [
            "security.protocol", "ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.key.password",
            "sasl.mechanism", "sasl.username", "sasl.password",
        ] {
            properties[name] = settings.string(forKey: ConfigKey("otp.kafka.properties.\(name)"), isSecret: true)
        }
        timeout = .seconds(settings.int(forKey: "verify.timeout.seconds", default: 20))
        maximumInFlight = settings.int(forKey: "verify.maximum.in.flight", default: maximumInFlight)
        // More than that is told to be busy at once: one who waits for room only waits for a time-out.
        maximumWaiting = 0
    }
}
