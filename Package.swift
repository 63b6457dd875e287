// swift-tools-version: 6.2
import PackageDescription

// Layers, lowest first; a target imports only from rows below its own (the build checks it):
//
//   otp-worker
//   OTPDoctor
//   OTPWorker, OTPSandbox, OTPVerifyClient, OTPMonitor
//   OTPKafka, CheckOTP, OTPObservability, OTPAudit
//   OTPEngine
//   OTPContract
//   CRdKafka, CProcess

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "otp-worker",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "otp-worker", targets: ["otp-worker"]),
        // For services that send commands and read results; versioned with the contract of the topics.
        .library(name: "OTPContract", targets: ["OTPContract"]),
        .library(name: "OTPVerifyClient", targets: ["OTPVerifyClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The one #include of rdkafka.h.
        .target(name: "CRdKafka", linkerSettings: [.linkedLibrary("rdkafka")]),

        // What the system keeps of a process.
        .target(name: "CProcess"),

        .target(name: "OTPContract", swiftSettings: strict),

        .target(
            name: "OTPEngine",
            dependencies: [
                "OTPContract",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: strict
        ),

        .target(
            name: "OTPKafka",
            dependencies: ["CRdKafka", "OTPContract"],
            swiftSettings: strict + [.strictMemorySafety()]
        ),
        .target(
            name: "CheckOTP",
            dependencies: [
                "OTPContract", "OTPEngine",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "OTPObservability",
            dependencies: [
                "OTPContract",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),

        // What `audit` and `explain` find in records that somebody else has read.
        .target(name: "OTPAudit", dependencies: ["OTPContract", "OTPEngine"], swiftSettings: strict),

        .target(
            name: "OTPSandbox",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "OTPWorker",
            dependencies: [
                "OTPContract", "OTPEngine", "OTPKafka", "CheckOTP", "OTPObservability",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),

        .target(
            name: "OTPVerifyClient",
            dependencies: [
                "OTPContract", "OTPKafka",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Instrumentation", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict
        ),

        // The fleet in a browser: what is known of it as a value, pages as functions of that, and a server that shows them.
        .target(
            name: "OTPMonitor",
            dependencies: [
                "OTPContract", "OTPObservability",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            resources: [.embedInCode("Runbook/Operations.md")],
            swiftSettings: strict
        ),

        // What `doctor` and `topics` make of a cluster, an upstream and a machine that somebody else has looked at.
        .target(
            name: "OTPDoctor",
            dependencies: ["CheckOTP", "OTPContract", "OTPKafka", "OTPWorker"],
            swiftSettings: strict
        ),

        .executableTarget(
            name: "otp-worker",
            dependencies: [
                "CProcess", "CheckOTP", "OTPAudit", "OTPContract", "OTPDoctor", "OTPEngine", "OTPKafka", "OTPMonitor",
                "OTPObservability", "OTPSandbox", "OTPVerifyClient", "OTPWorker",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),

        .testTarget(
            name: "ContractTests",
            dependencies: ["OTPContract", "FuzzKit"],
            resources: [.copy("Golden")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EngineTests",
            dependencies: ["OTPContract", "OTPEngine"],
            resources: [.copy("Golden")],
            swiftSettings: strict
        ),
        .testTarget(name: "KafkaTests", dependencies: ["OTPContract", "OTPKafka"], swiftSettings: strict),
        .testTarget(
            name: "CheckOTPTests",
            dependencies: [
                "CheckOTP", "OTPContract", "OTPEngine",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ObservabilityTests",
            dependencies: [
                "LoopbackKit", "OTPContract", "OTPObservability", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "AuditTests",
            dependencies: ["AuditKit", "OTPAudit", "OTPContract", "OTPEngine"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SandboxTests",
            dependencies: [
                "OTPSandbox",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "CheckOTP", "OTPContract", "OTPEngine", "OTPKafka", "OTPObservability", "OTPSandbox", "OTPWorker",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DoctorTests",
            dependencies: ["CheckOTP", "OTPDoctor", "OTPKafka", "OTPWorker"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "AuditKit", "OTPAudit", "OTPContract", "OTPDoctor", "OTPEngine", "OTPKafka", "OTPMonitor",
                "OTPObservability", "OTPWorker", "otp-worker",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "MonitorTests",
            dependencies: ["LoopbackKit", "OTPContract", "OTPMonitor", "OTPObservability"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "OTPContract", "OTPKafka", "OTPVerifyClient",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict
        ),
        .testTarget(name: "TidyTests", swiftSettings: strict),

        // A client over plain sockets, for the tests of servers.
        .target(name: "LoopbackKit", path: "Tests/LoopbackKit", swiftSettings: strict),

        // Histories made by hand, for the tests of what is found in them and of how it is shown.
        .target(
            name: "AuditKit",
            dependencies: ["OTPAudit", "OTPContract", "OTPEngine"],
            path: "Tests/AuditKit",
            swiftSettings: strict
        ),

        // Inputs that nobody meant, as many as one likes: FUZZ_INPUTS=10000000 swift run -c release fuzz-decoder
        .target(name: "FuzzKit", dependencies: ["OTPContract"], path: "Tests/FuzzKit", swiftSettings: strict),
        .executableTarget(name: "fuzz-decoder", dependencies: ["FuzzKit"], path: "Tests/Fuzz", swiftSettings: strict),

        // Deterministic simulation: the model, its runner, and the seeds that once failed.
        .target(
            name: "SimulationKit",
            dependencies: ["OTPContract", "OTPEngine"],
            path: "Tests/SimulationKit",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "simulate",
            dependencies: ["SimulationKit", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Simulation",
            exclude: ["mutants.py", "mutation.py", "run.sh"],
            swiftSettings: strict
        ),
        // What the codecs and the engine do for a command, for counting its instructions.
        .executableTarget(
            name: "hot-path",
            dependencies: ["OTPContract", "OTPEngine"],
            path: "Tests/HotPath",
            exclude: ["count.py"],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "restore-benchmark",
            dependencies: ["OTPContract", "OTPEngine", "OTPWorker"],
            path: "Tests/RestoreBenchmark",
            swiftSettings: strict
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["OTPContract", "OTPEngine", "SimulationKit"],
            swiftSettings: strict
        ),
    ]
)
