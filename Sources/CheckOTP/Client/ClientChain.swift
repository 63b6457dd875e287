import NIOSSL
import SwiftASN1
import X509

/// The certificates of a client certificate's file, in their order: whom they are for, and who signed them.
///
/// It holds no key and checks no signature.
package struct ClientChain: Equatable, Sendable {
    package struct Link: Equatable, Sendable {
        package var subject: String
        package var issuer: String

        package init(subject: String, issuer: String) {
            self.subject = subject
            self.issuer = issuer
        }
    }

    package var links: [Link]

    package init(links: [Link]) {
        self.links = links
    }

    /// Nil where the file cannot be read as certificates.
    package init?(file: String) {
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(file), !certificates.isEmpty else { return nil }
        links = []
        for certificate in certificates {
            guard let bytes = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: bytes) else {
                return nil
            }
            links.append(Link(subject: "\(parsed.subject)", issuer: "\(parsed.issuer)"))
        }
    }

    /// The first certificate whose signer is not the next one; nil where each is followed by its signer.
    package var broken: Link? {
        zip(links, links.dropFirst()).first { $0.issuer != $1.subject }?.0
    }
}
