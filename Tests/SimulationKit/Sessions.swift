import OTPContract
import OTPEngine

/// What is asked: this code for this phone.
struct Question: Hashable {
    var phone: String
    var code: String

    func fingerprint(keyID: UInt32) -> Fingerprint {
        Fingerprint(
            keyID: keyID,
            high: fnv(phone + "/" + code, UInt64(keyID)),
            low: fnv(code + "/" + phone, ~UInt64(keyID))
        )
    }
}

/// A fast digest that only has to be spread well.
func fnv(_ text: String, _ start: UInt64 = 0) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ (start &* 0x9E37_79B9_7F4A_7C15)
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return hash ^ (hash >> 29)
}

func digest(_ session: SessionID) -> SessionDigest {
    SessionDigest(high: fnv(session.text, 1), low: fnv(session.text, 2))
}

/// One OTP that was sent to a phone, and the upstream's truth about it.
final class Session {
    let id: SessionID
    let digest: SessionDigest
    let phone: PhoneNumber
    let code: OTPCode
    var lanes: [Lane] = []
    // The upstream's side.
    var isAccepted = false
    var wrongCodes = 0
    /// What it is told, whatever it asks: a firewall dislikes its id, or it trips the upstream up.
    var poison: UpstreamAnswer?

    init(id: SessionID, phone: PhoneNumber, code: OTPCode) {
        self.id = id
        digest = SimulationKit.digest(id)
        self.phone = phone
        self.code = code
    }

    var truth: Question { Question(phone: phone.revealed, code: code.revealed) }
}

/// A session within one partition: as far as order and idempotency reach.
final class Lane {
    let session: Session
    let partition: Int32
    var records: [CommandRecord] = []
    var calls: [Call] = []
    var results: [CommandRecord] = []
    /// Leases that wrote an intent for it, by question.
    var intents: [(question: Question, lease: Lease, record: CommandRecord)] = []
    /// Something outside the promises happened to what is remembered: nothing is concluded from silence any more.
    var isMemoryLost: Bool
    /// Doubt without a cause in the journal is allowed (a stray intent, an unreadable record, another key).
    var mayBeDoubted = false
    var lastActivity: Int64 = 0
    /// A committed state shows it verified, which ends all doubt.
    var isClosedInState = false
    /// Per question the newest record that a committed state shows concluded.
    var concluded: [Fingerprint: Int64] = [:]

    init(session: Session, partition: Int32, isMemoryLost: Bool) {
        self.session = session
        self.isMemoryLost = isMemoryLost
        self.partition = partition
    }

    func tearDown() {
        records = []
        calls = []
        results = []
        intents = []
        session.lanes = []
    }
}

/// A request of which a byte left a worker, as the upstream's journal and the worker's own loop saw it.
final class Call {
    let lease: Lease
    let record: CommandRecord
    let question: Question
    let writtenAt: Int64
    var wasAccepted = false
    var deliveredAt: Int64?
    var verdict: OracleTable.Verdict?
    /// The server asked for patience: it may be asked again as often as after a refusal.
    var isPatient = false

    init(lease: Lease, record: CommandRecord, question: Question, writtenAt: Int64) {
        self.lease = lease
        self.record = record
        self.question = question
        self.writtenAt = writtenAt
    }
}

/// One partition held by one process without interruption.
final class Lease {
    let process: Process
    let epoch: PartitionEpoch
    /// The coordinator's grants of this partition so far when it began.
    let grant: Int
    var restoredAt: Int64?
    var revokedAt: Int64?
    /// When an intent, a call or a transaction of it came to its end last while it was to be given back.
    var gotFurtherAt: Int64?
    var endedAt: Int64?
    /// Everything was finished or voided before it ended.
    var isGraceful = false
    var wasParked = false

    init(process: Process, epoch: PartitionEpoch, grant: Int) {
        self.process = process
        self.epoch = epoch
        self.grant = grant
    }

    /// Until then nothing unfinished may be given back: a second after something finished last, three in all.
    var mustFinishUntil: Int64? {
        mayTakeUntil.flatMap { latest in revokedAt.map { min((gotFurtherAt ?? $0) + sec(1), latest) } }
    }

    /// By then it is given back, whatever is under way.
    var mayTakeUntil: Int64? { revokedAt.map { $0 + sec(3) } }

    func gotFurther(at now: Int64) {
        if revokedAt != nil { gotFurtherAt = now }
    }
}
