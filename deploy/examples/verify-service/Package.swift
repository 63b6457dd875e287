// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "verify-service",
    platforms: [.macOS(.v15)],
    dependencies: [
        // In a package of your own: its URL and version.
        .package(name: "otp-worker", path: "../../.."),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "verify-service",
            dependencies: [
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "OTPContract", package: "otp-worker"),
                .product(name: "OTPVerifyClient", package: "otp-worker"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: [.treatAllWarnings(as: .error)]
        )
    ]
)
