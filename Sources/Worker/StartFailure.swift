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
}
