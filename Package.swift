// swift-tools-version: 6.2
import PackageDescription

// Layers, lowest first; a target imports only from rows below its own (the build checks it):
//
//   otp-worker
//   Worker, Sandbox
//   Kafka, CheckOTP, Observability
//   Engine
//   Contract
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
        .executable(name: "otp-worker", targets: ["otp-worker"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
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

        .target(name: "Contract", swiftSettings: strict),

        .target(
            name: "Engine",
            dependencies: [
                "Contract",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: strict
        ),

        .target(
            name: "Kafka",
            dependencies: ["CRdKafka", "Contract"],
            swiftSettings: strict + [.strictMemorySafety()]
        ),
        .target(
            name: "CheckOTP",
            dependencies: [
                "Contract", "Engine",
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
            name: "Observability",
            dependencies: [
                "Contract",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),

        .target(
            name: "Sandbox",
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
            name: "Worker",
            dependencies: [
                "Contract", "Engine", "Kafka", "CheckOTP", "Observability",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),

        .executableTarget(
            name: "otp-worker",
            dependencies: [
                "CProcess", "CheckOTP", "Contract", "Engine", "Kafka", "Observability", "Sandbox", "Worker",
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
            dependencies: ["Contract", "FuzzKit"],
            resources: [.copy("Golden")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EngineTests",
            dependencies: ["Contract", "Engine"],
            resources: [.copy("Golden")],
            swiftSettings: strict
        ),
        .testTarget(name: "KafkaTests", dependencies: ["Contract", "Kafka"], swiftSettings: strict),
        .testTarget(
            name: "CheckOTPTests",
            dependencies: [
                "CheckOTP", "Contract", "Engine",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ObservabilityTests",
            dependencies: ["Contract", "Observability", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SandboxTests",
            dependencies: [
                "Sandbox",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "CheckOTP", "Contract", "Engine", "Kafka", "Observability", "Sandbox", "Worker",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "CheckOTP", "Contract", "Engine", "Kafka", "Observability", "Worker", "otp-worker",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),
        .testTarget(name: "TidyTests", swiftSettings: strict),

        // Inputs that nobody meant, as many as one likes: FUZZ_INPUTS=10000000 swift run -c release fuzz-decoder
        .target(name: "FuzzKit", dependencies: ["Contract"], path: "Tests/FuzzKit", swiftSettings: strict),
        .executableTarget(name: "fuzz-decoder", dependencies: ["FuzzKit"], path: "Tests/Fuzz", swiftSettings: strict),

        // Deterministic simulation: the model, its runner, and the seeds that once failed.
        .target(
            name: "SimulationKit",
            dependencies: ["Contract", "Engine"],
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
        .executableTarget(
            name: "restore-benchmark",
            dependencies: ["Contract", "Engine", "Worker"],
            path: "Tests/RestoreBenchmark",
            swiftSettings: strict
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["Contract", "Engine", "SimulationKit"],
            swiftSettings: strict
        ),
    ]
)
