import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// A certificate authority made on the spot, and a server certificate that it signed.
///
/// For tests; nothing is kept.
struct TestCertificates {
    /// The authority's certificate, for callers to trust.
    let authorityPEM: String
    let serverPEM: String
    let serverKeyPEM: String

    /// Makes both, with P-256 keys, valid from an hour ago for ten days.
    ///
    /// `names` are host names and IP addresses; `expired` ends the server's certificate a minute ago.
    static func make(names: [String], expired: Bool) throws -> TestCertificates {
        let now = Date()
        let authorityKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let authorityName = try DistinguishedName { CommonName("otp-worker sandbox CA") }
        let authority = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: authorityKey.publicKey,
            notValidBefore: now - 3600,
            notValidAfter: now + 864_000,
            issuer: authorityName,
            subject: authorityName,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: authorityKey.publicKey)
            },
            issuerPrivateKey: authorityKey
        )

        let serverKey = P256.Signing.PrivateKey()
        let certificateKey = Certificate.PrivateKey(serverKey)
        let server = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: certificateKey.publicKey,
            notValidBefore: now - 3600,
            notValidAfter: expired ? now - 60 : now + 864_000,
            issuer: authorityName,
            subject: try DistinguishedName { CommonName("otp-worker sandbox") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(names.map(generalName))
            },
            issuerPrivateKey: authorityKey
        )

        return TestCertificates(
            authorityPEM: try authority.serializeAsPEM().pemString,
            serverPEM: try server.serializeAsPEM().pemString,
            serverKeyPEM: serverKey.pemRepresentation
        )
    }

    private static func generalName(_ name: String) -> GeneralName {
        let address = addressBytes(name, AF_INET, length: 4) ?? addressBytes(name, AF_INET6, length: 16)
        return address.map { .ipAddress(ASN1OctetString(contentBytes: ArraySlice($0))) } ?? .dnsName(name)
    }

    private static func addressBytes(_ text: String, _ family: CInt, length: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: length)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
