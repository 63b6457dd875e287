import CheckOTP

/// Why a worker did not start, in words for the person who starts it: which setting, what is wrong, what to do.
package struct StartFailure: Error, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// Something must be set otherwise; trying again as it is cannot help.
        case configuration
        /// Something that is needed cannot be reached or is not as it must be.
        case unavailable
    }

    package var kind: Kind
    /// The setting at fault, by its key.
    package var setting: String?
    package var message: String
    package var remedy: String

    package init(_ kind: Kind, setting: String? = nil, _ message: String, remedy: String) {
        self.kind = kind
        self.setting = setting
        self.message = message
        self.remedy = remedy
    }

    package var description: String {
        (setting.map { "\($0): " } ?? "") + message + "\n  → " + remedy
    }

    /// Whatever kept a worker from being put together.
    package init(explaining error: any Error) {
        switch error {
        case let failure as StartFailure: self = failure
        case let error as CheckClientError: self.init(error)
        default: self.init(.unavailable, "\(error)", remedy: "see the message; the worker has changed nothing")
        }
    }

    private init(_ error: CheckClientError) {
        let (setting, remedy) =
            switch error {
            case .unusableCAFile: ("check_otp.ca_file", "name a readable PEM file")
            case .unusableClientIdentity:
                ("check_otp.client_certificate_file", "name a readable certificate and the key that belongs to it")
            case .unusableSecret: ("check_otp.secret_key", "set the key exactly as it was issued")
            case .unusableProxy: ("check_otp.proxy", "correct it, or leave it out")
            case .missingTLSContext: ("check_otp.url", "write https://")
            }
        self.init(.configuration, setting: setting, "\(error)", remedy: remedy)
    }
}
