import Foundation
import OTPKafka
import OTPWorker
import Testing

/// Who listens at an address that no cluster answers from.
struct AddressProbeTests {
    /// Takes connections one after the other and answers each one's first bytes.
    private final class Listener: @unchecked Sendable {
        // Safe because the descriptor is only read after it was made.
        let descriptor: Int32
        let port: String

        init(_ answer: @escaping @Sendable ([UInt8]) -> [UInt8]) {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            self.descriptor = descriptor
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    precondition(bind(descriptor, pointer, size) == 0 && listen(descriptor, 8) == 0)
                    getsockname(descriptor, pointer, &size)
                }
            }
            port = "\(UInt16(bigEndian: address.sin_port))"
            Thread.detachNewThread {
                while case let connection = accept(descriptor, nil, nil), connection >= 0 {
                    var buffer = [UInt8](repeating: 0, count: 256)
                    let count = recv(connection, &buffer, buffer.count, 0)
                    let bytes = answer(Array(buffer.prefix(max(0, count))))
                    _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                    close(connection)
                }
            }
        }

        deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

        func look() -> AddressProbe.Listener {
            AddressProbe.look(at: "127.0.0.1", port: port, patience: .seconds(5))
        }
    }

    @Test func aBrokerAnswersTheQuestionForVersions() {
        // The size, then the question's own correlation id, then no error.
        #expect(Listener { [0, 0, 0, 10] + $0[8..<12] + [0, 0, 0, 0, 0, 0] }.look() == .kafka)
    }

    @Test func aWebServerSaysSoAtOnceOrWhenItIsAskedForAPage() {
        #expect(Listener { _ in Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) }.look() == .http)
        let polite = Listener { $0.starts(with: "GET ".utf8) ? Array("HTTP/1.0 200 OK\r\n\r\n".utf8) : [] }
        #expect(polite.look() == .http)
    }

    @Test func whoSpeaksTLSAnswersAGreeting() {
        // An alert to what is no TLS; or nothing to that, and a handshake to a greeting.
        #expect(Listener { _ in [0x15, 3, 1, 0, 2, 2, 70] }.look() == .tls)
        #expect(Listener { $0.first == 0x16 ? [0x16, 3, 3, 0, 4, 2, 0, 0, 0] : [] }.look() == .tls)
    }

    @Test func othersAreStrangers() {
        #expect(Listener { _ in Array("SSH-2.0-x\r\n".utf8) }.look() == .stranger)
        #expect(Listener { _ in [] }.look() == .silent)
        #expect(AddressProbe.look(at: "127.0.0.1", port: "1") == .nobody)
    }

    @Test func theFindingSaysWhatToDo() throws {
        let web = Listener { _ in Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) }
        let finding = try #require(AddressProbe.explain("127.0.0.1:1, 127.0.0.1:\(web.port)", properties: [:]))
        #expect(finding.what == "127.0.0.1:\(web.port) is no Kafka broker: it speaks HTTP")
        let kafka = AddressProbe.Listener.kafka, tls = AddressProbe.Listener.tls
        #expect(AddressProbe.finding(kafka, at: "h:1", speaksTLS: false) == nil)
        #expect(
            AddressProbe.finding(kafka, at: "h:1", speaksTLS: true)?.what == "h:1 is a Kafka broker's port without TLS"
        )
        #expect(AddressProbe.finding(tls, at: "h:1", speaksTLS: true) == nil)
        #expect(AddressProbe.finding(tls, at: "h:1", speaksTLS: false)?.remedy.contains("security.protocol") == true)
        #expect(AddressProbe.finding(.nobody, at: "h:1", speaksTLS: false) == nil)
    }

    /// Behind TLS only the client sees what is said: the four bytes that it took for a size.
    @Test(arguments: [
        (1_213_486_160, "h:443 is no Kafka broker: it speaks HTTP"), (1_397_966_893, "it speaks SSH"),
        (0x1503_0300, "it speaks TLS"), (0x3c68_746d, "it speaks HTTP"), (0x4865_6c6c, "it speaks something else"),
    ])
    func theFirstBytesTellWhoAnswered(size: Int, says: String) throws {
        let reason =
            "Transport failure (ssl://h:443/bootstrap: Receive failed: Invalid response size \(size)"
            + " (0..100000000): increase receive.message.max.bytes)"
        let error = KafkaError("topics", .transport, reason: reason)
        let finding = AddressProbe.explain(error, at: "h:443", properties: ["security.protocol": "ssl"])
        #expect(finding?.what.contains(says) == true, "\(String(describing: finding))")
        #expect(finding?.remedy.contains("name a broker's port") == true)
    }

    @Test func aLargeAnswerIsABrokers() {
        let reason = "ssl://h:9093/1: Receive failed: Invalid response size 120000000 (0..100000000)"
        #expect(AddressProbe.finding(reason, at: "h:9093", properties: [:]) == nil)
    }

    @Test(arguments: [
        "ssl/tls alert certificate required: SSL alert number 116",
        "tlsv13 alert certificate required", "ssl/tls alert bad certificate: SSL alert number 42",
        "sslv3 alert handshake failure: SSL alert number 40",
    ])
    func aBrokerThatWantsACertificateIsToldAsThat(alert: String) {
        let reason = "ssl://h:9093/bootstrap: SSL handshake failed: error:0A00045C:SSL routines::\(alert)"
        let error = KafkaError("topics", .ssl, reason: reason)
        let none = AddressProbe.explain(error, at: "h:9093", properties: ["security.protocol": "ssl"])
        #expect(none?.what.contains("h:9093") == true && none?.what.contains("client certificate") == true)
        #expect(none?.remedy.contains("ssl.certificate.location") == true)
        let shown = ["ssl.certificate.location": "/c.pem"]
        let refused = AddressProbe.finding(reason, at: "h:9093", properties: shown)
        #expect(refused?.what == "h:9093 does not take the client certificate that it is shown")
    }

    @Test func aBrokersOwnCertificateIsAnotherMatter() {
        let reason = "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate"
        #expect(AddressProbe.finding(reason, at: "h:9093", properties: [:]) == nil)
    }
}
