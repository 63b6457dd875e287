package import OTPKafka

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Finds out who listens at the address of a cluster that does not answer: a broker, something that wants TLS, a web server.
///
/// The client only says that the connection ends, whatever the reason. It blocks for a few seconds at most, and sends nothing but
/// a question for versions, a page and a TLS greeting.
package enum AddressProbe {
    package enum Listener: Equatable, Sendable {
        case kafka, tls, http
        /// It says something else.
        case stranger
        /// It takes connections and says nothing that tells what it is.
        case silent
        /// No connection: the client's own words say enough.
        case nobody
    }

    /// What is wrong with an address, and what to do.
    package struct Finding: Equatable, Sendable {
        package var what: String
        package var remedy: String
    }

    /// Whether an error may come of an address that is no broker's: nothing came, or something that is no answer.
    package static func mayExplain(_ error: KafkaError) -> Bool {
        error.isTransient || error.code == .ssl || error.code == .badMessage
    }

    /// What the client's own words tell of who answered; where they tell nothing, what a look at the addresses tells.
    ///
    /// Behind TLS only the client sees what is said.
    package static func explain(_ error: KafkaError, at brokers: String, properties: [String: String]) -> Finding? {
        finding(error.reason, at: brokers, properties: properties)
            ?? (mayExplain(error) ? explain(brokers, properties: properties) : nil)
    }

    /// Reads the first bytes that came from the size that librdkafka took them for, and the alerts of TLS.
    package static func finding(_ reason: String, at brokers: String, properties: [String: String]) -> Finding? {
        let address = reason.firstMatch(of: /[a-z_]+:\/\/([^\/\s]+)\//).map { String($0.output.1) } ?? brokers
        if let match = reason.firstMatch(of: /Invalid response size (-?[0-9]+)/), let size = Int32(match.output.1) {
            return speaker(size).map { speaker in
                Finding(
                    what: "\(address) is no Kafka broker: it speaks \(speaker)",
                    remedy: "name a broker's port in kafka.brokers (--brokers), often 9092 or, with TLS, 9093"
                )
            }
        }
        return clientCertificate(reason, address, properties)
    }

    /// Who begins what it says with the four bytes of this number; nil where a broker may.
    private static func speaker(_ size: Int32) -> String? {
        let bytes = withUnsafeBytes(of: size.bigEndian) { Array($0) }
        if bytes.elementsEqual("HTTP".utf8) || bytes.elementsEqual("<htm".utf8) || bytes.elementsEqual("<!DO".utf8) {
            return "HTTP"
        }
        if bytes.elementsEqual("SSH-".utf8) { return "SSH" }
        if bytes[0] == 0x15 || bytes[0] == 0x16, bytes[1] == 3 { return "TLS, within or without the TLS asked for" }
        // A size has no four letters, unless it is a gigabyte.
        return bytes.allSatisfy { (0x20...0x7e).contains($0) } ? "something else" : nil
    }

    /// A broker that wants to see a certificate says so by an alert, and not always in so many words.
    private static func clientCertificate(
        _ reason: String,
        _ address: String,
        _ properties: [String: String]
    ) -> Finding? {
        let text = reason.lowercased()
        let isAsked = text.contains("certificate required") || text.contains("alert number 116")
        // OpenSSL's older word for it, which has other causes too.
        let mayBeAsked =
            text.contains("alert bad certificate") || text.contains("alert number 42")
            || text.contains("alert handshake failure") || text.contains("alert number 40")
        guard isAsked || mayBeAsked else { return nil }
        let names = properties.keys.map { $0.lowercased() }
        let isShown = ["ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"].contains {
            names.contains($0)
        }
        guard !isShown else {
            return Finding(
                what: "\(address) does not take the client certificate that it is shown",
                remedy: "check kafka.properties.ssl.certificate.location and ssl.key.location: whether the brokers know"
                    + " its signer, and that it has not run out"
            )
        }
        return Finding(
            what: "\(address) \(isAsked ? "wants" : "ends the TLS handshake; it may want") a client certificate",
            remedy: "set kafka.properties.ssl.certificate.location and kafka.properties.ssl.key.location"
        )
    }

    /// Looks at the first addresses of a cluster.
    /// - Parameters:
    ///   - brokers: comma-separated `host:port`.
    ///   - properties: of librdkafka; whether it was to speak TLS.
    /// - Returns: what the first that is no broker's says; nil when none tells anything.
    package static func explain(_ brokers: String, properties: [String: String]) -> Finding? {
        let speaksTLS = properties["security.protocol"]?.uppercased().hasSuffix("SSL") ?? false
        for address in brokers.split(separator: ",").prefix(3).map({ $0.filter { $0 != " " } }) {
            guard let colon = address.lastIndex(of: ":") else { continue }
            let host = address[..<colon].filter { $0 != "[" && $0 != "]" }
            let listener = look(at: host, port: String(address[address.index(after: colon)...]))
            if let finding = finding(listener, at: address, speaksTLS: speaksTLS) { return finding }
        }
        return nil
    }

    package static func finding(_ listener: Listener, at address: String, speaksTLS: Bool) -> Finding? {
        switch listener {
        case .kafka where speaksTLS:
            Finding(
                what: "\(address) is a Kafka broker's port without TLS",
                remedy:
                    "name the port for TLS, or set kafka.properties.security.protocol to PLAINTEXT or SASL_PLAINTEXT"
            )
        case .tls where !speaksTLS:
            Finding(
                what: "\(address) speaks TLS, and was not spoken to in TLS",
                remedy:
                    "if it is a Kafka broker's, set kafka.properties.security.protocol to SSL or SASL_SSL, and"
                    + " kafka.properties.ssl.ca.location; else name a broker's port"
            )
        case .http:
            Finding(
                what: "\(address) is no Kafka broker: it speaks HTTP",
                remedy: "name a broker's port in kafka.brokers (--brokers), often 9092"
            )
        case .stranger:
            Finding(
                what: "\(address) is no Kafka broker: it speaks something else",
                remedy: "name a broker's port in kafka.brokers (--brokers), often 9092"
            )
        case .silent:
            Finding(
                what: "\(address) takes connections and does not answer as a Kafka broker does",
                remedy: "see what listens there, and name a broker's port in kafka.brokers (--brokers), often 9092"
            )
        case .kafka, .tls, .nobody: nil
        }
    }

    /// Asks as a Kafka client does; if that tells nothing, as a browser, with TLS and without.
    package static func look(at host: String, port: String, patience: Duration = .seconds(1)) -> Listener {
        var isSilent = true
        for question in [versionsRequest, Array("GET / HTTP/1.0\r\n\r\n".utf8), clientHello] {
            guard let connection = connect(to: host, port: port, patience) else {
                return isSilent ? .nobody : .stranger
            }
            defer { close(connection) }
            let answer = ask(connection, question, patience)
            isSilent = isSilent && answer.isEmpty
            if let listener = listener(by: answer) { return listener }
        }
        return isSilent ? .silent : .stranger
    }

    /// Nil when it tells nothing, or nothing yet.
    private static func listener(by answer: [UInt8]) -> Listener? {
        if answer.starts(with: "HTTP/".utf8) { return .http }
        // A record of TLS: an alert or a handshake, of version 3.
        if answer.count >= 3, answer[0] == 0x15 || answer[0] == 0x16, answer[1] == 3 { return .tls }
        if answer.count >= 8, answer[0] == 0, answer[4..<8].elementsEqual(correlation) { return .kafka }
        return nil
    }

    private static let correlation: [UInt8] = [0x6f, 0x74, 0x70, 0x31]

    /// ApiVersions, version 0: what every broker answers, before it is told who asks.
    private static let versionsRequest: [UInt8] = {
        let client = Array("otp-worker".utf8)
        let request = [0, 18, 0, 0] + correlation + [0, UInt8(client.count)] + client
        return [0, 0, 0, UInt8(request.count)] + request
    }()

    /// A greeting of TLS 1.2 with four common suites: anyone who speaks TLS says something to it, if only that it does not like it.
    private static let clientHello: [UInt8] = {
        let hello =
            [0x03, 0x03] + [UInt8](repeating: 0x2a, count: 32) + [0]
            + [0, 8, 0xc0, 0x2f, 0xc0, 0x30, 0x00, 0x9c, 0x00, 0x2f] + [1, 0]
        let handshake = [0x01, 0, 0, UInt8(hello.count)] + hello
        return [0x16, 0x03, 0x01, 0, UInt8(handshake.count)] + handshake
    }()

    private static func connect(to host: String, port: String, _ patience: Duration) -> Int32? {
        var hints = addrinfo.ofStreams
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &list) == 0 else { return nil }
        defer { freeaddrinfo(list) }
        var next = list
        while let address = next?.pointee {
            next = address.ai_next
            let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
            guard descriptor >= 0 else { continue }
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            let isRefused = systemConnect(descriptor, address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS
            if !isRefused, wait(for: descriptor, Int16(POLLOUT), patience), isConnected(descriptor) {
                return descriptor
            }
            close(descriptor)
        }
        return nil
    }

    private static func isConnected(_ descriptor: Int32) -> Bool {
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0
    }

    /// What comes back first; nothing when nothing comes in time.
    private static func ask(_ descriptor: Int32, _ question: [UInt8], _ patience: Duration) -> [UInt8] {
        var answer = [UInt8](repeating: 0, count: 64)
        let flags = Int32(MSG_NOSIGNAL)
        guard send(descriptor, question, question.count, flags) == question.count else { return [] }
        guard wait(for: descriptor, Int16(POLLIN), patience) else { return [] }
        let count = recv(descriptor, &answer, answer.count, 0)
        return Array(answer.prefix(max(0, count)))
    }

    private static func wait(for descriptor: Int32, _ events: Int16, _ patience: Duration) -> Bool {
        var watched = pollfd(fd: descriptor, events: events, revents: 0)
        return poll(&watched, 1, Int32(patience / .milliseconds(1))) > 0
    }
}

/// The system call, under a name that ``AddressProbe``'s own `connect` does not hide.
private func systemConnect(_ descriptor: Int32, _ address: UnsafeMutablePointer<sockaddr>, _ length: socklen_t) -> Int32
{
    connect(descriptor, address, length)
}

extension KafkaError.Code {
    /// _BAD_MSG: what came is not of Kafka's protocol.
    fileprivate static let badMessage = Self(rawValue: -199)
}

extension addrinfo {
    /// Asks for addresses of TCP, of either family.
    static var ofStreams: addrinfo {
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        return hints
    }
}
