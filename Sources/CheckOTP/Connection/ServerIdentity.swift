import NIOCore
import NIOSSL
import SwiftASN1
import X509

/// Whether a certificate is for the host of the origin, whatever address the connection went to.
///
/// The TLS library verifies the chain, and a name or an address too; but it takes a certificate for the address of the *peer*
/// even where a name was asked for, and the peer may be a proxy, or whatever the name led to. Here only the origin counts
/// (RFC 9525): a name needs a `dNSName`, an address an `iPAddress`; a common name never counts, and a wildcard stands for
/// one whole label before two others at least.
struct ServerIdentity: Equatable {
    private enum Reference: Equatable {
        case name(String)
        case address(SocketAddress)
    }

    private let reference: Reference

    init(_ origin: Origin) {
        if let address = try? SocketAddress(ipAddress: origin.host, port: 0) {
            reference = .address(address)
        } else {
            reference = .name(origin.host.hasSuffix(".") ? String(origin.host.dropLast()) : origin.host)
        }
    }

    /// False for a certificate that cannot be read, too.
    func accepts(_ certificate: NIOSSLCertificate) -> Bool {
        guard let bytes = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: bytes),
            let names = try? parsed.extensions.subjectAlternativeNames
        else { return false }
        return names.contains { name in
            switch (reference, name) {
            case (.name(let host), .dnsName(let pattern)): Self.matches(host, pattern)
            case (.address(let wanted), .ipAddress(let bytes)):
                (try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes.bytes), port: 0)) == wanted
            default: false
            }
        }
    }

    /// `host` is in lower case, and no label of it is an asterisk.
    ///
    /// By bytes: Swift's own comparison would take the Kelvin sign for a K.
    static func matches(_ host: String, _ pattern: String) -> Bool {
        let lowered = pattern.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        let labels = lowered.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let wanted = Array(host.utf8).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.first?.elementsEqual("*".utf8) == true else { return labels == wanted }
        return labels.count >= 3 && labels.count == wanted.count && labels.dropFirst() == wanted.dropFirst()
    }
}
