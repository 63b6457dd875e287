import ArgumentParser
import Foundation
import OTPContract
import OTPWorker
import Testing

@testable import otp_worker

/// `config show` on a narrow terminal, and small rules of the command line.
struct SettingsTextTests {
    private let rows: [EffectiveSettings.Row]

    init() throws {
        rows = try SettingsReader.read(
            file: nil,
            environment: ["OTP_CHECK_OTP_CA_FILE": "/etc/../etc/../etc/hostname"],
            flags: [],
            for: .demonstration,
            hostName: "host-1"
        ).rows
    }

    @Test(arguments: [20, 40, 60]) func aNarrowTerminalShowsNamesAndValues(columns: Int) {
        let text = SettingsText.table(rows, columns: columns)
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= columns }, "\(text)")
        // Whatever was wrapped is all there.
        let packed = text.filter { !$0.isWhitespace }
        for part in ["check_otp.ca_file/etc/../etc/../etc/hostname(environment,OTP_C", "check_otp.proxy–(notset)"] {
            #expect(packed.contains(part), "\(text)")
        }
    }

    @Test func aWideOneIsATable() {
        #expect(SettingsText.table(rows, columns: 200).hasPrefix("SETTING"))
        #expect(SettingsText.table(rows).hasPrefix("SETTING"))
    }

    @Test(arguments: [([:], false), (["TERM": ""], false), (["TERM": "dumb"], false), (["TERM": "xterm"], true)])
    func aTerminalWithoutANameIsNotDrawnOn(environment: [String: String], canDraw: Bool) {
        #expect(Screen(environment: environment).canDraw == canDraw)
    }

    @Test(arguments: [["--json"], ["--timeout", "5s"], ["--json", "--timeout", "5s"]])
    func whatOnlyAWaitCanDoAsksForOne(flags: [String]) throws {
        let command = ["--session", "s", "--phone", "5324818942", "--code", "AB12"]
        #expect {
            _ = try SendCommand.parse(command + flags)
        } throws: { error in
            SendCommand.message(for: error).contains("--wait")
        }
        _ = try SendCommand.parse(command + flags + ["--wait"])
        _ = try SendCommand.parse(command)
    }
}

/// What is given as a journal and is none.
struct JournalReaderTests {
    private func calls(_ text: String) async throws -> Int {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        var reader = try await JournalReader.open(path)
        var count = 0
        while try reader.call() != nil { count += 1 }
        return count
    }

    private static let line =
        #"{"sequence":1,"time":1000,"connection":1,"method":"POST","path":"/v1/card/check_otp"}"#

    @Test(arguments: [
        "<html>not found</html>", "<html>\n<body></body>\n</html>\n", "not found", "not found\n", "[]", "{}\n",
        "{\"error\":1}", Self.line + "\nnot found",
    ])
    func whatIsNoJournalIsRefused(text: String) async {
        let failure = await #expect(throws: Failure.self) { try await calls(text) }
        #expect(failure?.message.contains("is no line of a sandbox's journal") == true)
        #expect(failure?.isConfiguration == true)
    }

    /// The sandbox may be writing it.
    @Test func aLineThatHasNoEndYetIsNotRead() async throws {
        #expect(try await calls("") == 0)
        #expect(try await calls(Self.line + "\n") == 1)
        #expect(try await calls(Self.line + "\n" + Self.line.prefix(30)) == 1)
        #expect(try await calls(Self.line + "\n{\"se") == 1)
    }
}
