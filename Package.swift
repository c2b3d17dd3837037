// swift-tools-version:6.3
import PackageDescription

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let serviceLifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")

let unixSignals = Target.Dependency.product(
  name: "UnixSignals", package: "swift-service-lifecycle")

// The Makefile tells the commit, because SwiftPM keeps what it once found out about this file.
let revision =
  Context.environment["SOCKET_EXPORTER_REVISION"]
  ?? Context.gitInformation?.currentCommit ?? "unknown"

let package = Package(
  name: "socket-exporter",
  products: [
    .executable(name: "socket-exporter", targets: ["socket-exporter"])
  ],
  traits: [
    .trait(
      name: "BPF", description: "Attribution by the kernel's BPF iterators; takes libbpf."),
    .default(enabledTraits: ["BPF"]),
  ],
  // Exact, so that a commit says what it is built of; docs/releasing.md tells how to raise them.
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
  ],
  targets: [
    // C libraries and the shims over them.
    .systemLibrary(
      name: "CLibmicrohttpd", pkgConfig: "libmicrohttpd",
      providers: [.apt(["libmicrohttpd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CLibbpf", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
    .target(name: "CMicroHTTP", dependencies: ["CLibmicrohttpd"]),
    .target(
      name: "CSocketIterators",
      dependencies: [.target(name: "CLibbpf", condition: .when(traits: ["BPF"]))],
      exclude: ["bpf"],
      cSettings: [.define("SOCKET_ITERATORS_BPF", .when(traits: ["BPF"]))]),
    .target(name: "CSockDiag"),
    .target(name: "CLinuxIO"),
    .target(
      name: "CBuildInfo",
      cSettings: [
        .define(
          "SOCKET_EXPORTER_REVISION",
          to: "\"\(revision)\"")
      ]),

    // The way of the data, from the kernel down to bytes.
    .target(name: "LinuxIO", dependencies: ["CLinuxIO"]),
    .target(name: "SocketModel"),
    .target(name: "ProcFS", dependencies: ["LinuxIO", "SocketModel"]),
    .target(name: "SockDiag", dependencies: ["CSockDiag", "LinuxIO", "SocketModel"]),
    .target(
      name: "SocketIterators", dependencies: ["CSocketIterators", "LinuxIO", "SocketModel"]),
    .target(
      name: "Sampling",
      dependencies: [
        "CLinuxIO", "LinuxIO", "ProcFS", "SockDiag", "SocketIterators", "SocketModel",
      ]),
    .target(name: "Exposition", dependencies: ["CZlib"]),
    .target(name: "Metrics", dependencies: ["Exposition", "SocketModel"]),
    .target(name: "HTTPServer", dependencies: ["CMicroHTTP", "LinuxIO"]),
    .executableTarget(
      name: "socket-exporter",
      dependencies: [
        "CBuildInfo", "CLinuxIO", "Exposition", "HTTPServer", "LinuxIO", "Metrics", "ProcFS",
        "Sampling", "SockDiag", "SocketModel", argumentParser, logging, serviceLifecycle,
        unixSignals,
      ]),

    // Tests, and the program that plays the processes they observe.
    .executableTarget(name: "socket-actor", path: "Tests/SocketActor"),
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    .target(name: "TestSupport", dependencies: ["CTestSupport"], path: "Tests/TestSupport"),
    .testTarget(name: "LinuxIOTests", dependencies: ["LinuxIO", "TestSupport"]),
    .testTarget(name: "ProcFSTests", dependencies: ["ProcFS", "TestSupport"]),
    .testTarget(
      name: "SockDiagTests",
      dependencies: ["LinuxIO", "SockDiag", "SocketModel", "TestSupport", "socket-actor"]),
    .testTarget(
      name: "SocketIteratorsTests",
      dependencies: [
        "CSocketIterators", "LinuxIO", "SocketIterators", "SocketModel", "TestSupport",
      ]),
    .testTarget(
      name: "SamplingTests",
      dependencies: [
        "Exposition", "Metrics", "Sampling", "SocketIterators", "TestSupport", "socket-actor",
      ]),
    .testTarget(name: "ExpositionTests", dependencies: ["Exposition", "TestSupport"]),
    .testTarget(
      name: "MetricsTests", dependencies: ["Exposition", "Metrics", "SocketModel", "TestSupport"]),
    .testTarget(name: "HTTPServerTests", dependencies: ["HTTPServer", "TestSupport"]),
    .testTarget(name: "LiveTests", dependencies: ["TestSupport", "socket-actor"]),
    .testTarget(name: "EndToEndTests", dependencies: ["TestSupport", "socket-actor"]),
  ],
  swiftLanguageModes: [.v6]
)

// One set of strict flags for every Swift target. A warning is an error; unsafe code says so.
for target in package.targets where target.type != .system {
  var settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ]
  if target.type != .test && target.name != "TestSupport" {
    settings.append(.strictMemorySafety())
  }
  target.swiftSettings = settings
}
