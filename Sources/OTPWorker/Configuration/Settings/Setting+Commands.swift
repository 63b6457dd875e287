import OTPContract

/// The settings of what comes in and of where the answers go.
extension Setting {
    static let results: [Setting] = [
        .list(
            "results.allowed_reply_topics",
            \.worker.results.allowedReplyTopics,
            """
            Topics that a command may name in its header `kafka_replyTopic` to have its result there instead. Unset, every \
            result goes to topics.results.
            """,
            .topic,
            example: "shop.otp-replies,wallet.otp-replies"
        )
    ]

    static let commands: [Setting] = [
        .duration(
            "commands.max_age",
            \.worker.commands.maximumAge,
            .seconds(1) ... .seconds(3_600),
            "A command older than this is answered `expired` without a call: its user has gone."
        ),
        .integer(
            "commands.max_bytes",
            \.worker.commands.maximumBytes,
            256...1_048_576,
            unit: "bytes",
            "Key and value of a larger record are not looked at: it is `invalid` and a dead letter."
        ),
        .flag(
            "commands.require_key",
            \.worker.commands.requiresKey,
            """
            Refuse a command without a key. Without keys the commands of a session may reach several partitions, and then \
            neither their order nor one call per code can be promised.
            """
        ),
        .choice(
            "commands.framing",
            \.worker.commands.framing,
            Framing.allCases.map { ($0.rawValue, $0) },
            """
            Whether the JSON of a record has the five bytes of a schema registry before it: `auto` skips them where they are, \
            `none` expects none, `confluent` refuses a record without. The registry is not asked; Avro and Protobuf are not read.
            """
        ),
        .choice(
            "commands.key",
            \.worker.commands.key,
            [("any", .any), ("session", .session)],
            """
            What a command's key must be: `session` refuses one that is not its otp_session_id, so that no producer can have \
            a session counted and answered in several partitions; `any` takes whatever is constant for a session.
            """
        ),
        .pointer(
            "commands.fields.otp_session_id",
            \.worker.commands.fields.sessionID,
            """
            Where a record's JSON holds the session, so that an event of another shape can be consumed as it is: \
            /card/otp/session, /codes/0. Within a CloudEvent it begins at the event's data. So do the other four.
            """
        ),
        .pointer(
            "commands.fields.user_gsm",
            \.worker.commands.fields.phone,
            "Where it holds the phone number: a string, as every field."
        ),
        .pointer("commands.fields.otp_code", \.worker.commands.fields.code, "Where it holds the code."),
        .pointer(
            "commands.fields.command_id",
            \.worker.commands.fields.commandID,
            "Where it may hold the command's own id; else that is the CloudEvent's, else the record's coordinates."
        ),
        .pointer(
            "commands.fields.expires_at",
            \.worker.commands.fields.expiresAt,
            "Where it may hold the end of the code's life, as `otp_expire` of send_otp."
        ),
    ]

    static let deadLetters: [Setting] = [
        .flag(
            "dead_letters.include_value",
            \.worker.deadLetters.includeValue,
            """
            Copy the value of an unusable command, up to commands.max_bytes, into its dead letter: code and phone number \
            then lie there too. For those whose command topic keeps too short.
            """
        )
    ]
}
