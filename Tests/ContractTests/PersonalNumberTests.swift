import OTPContract
import Testing

/// Which keys could be somebody's phone or card number, and which are left as they are.
struct PersonalNumberTests {
    @Test(arguments: [
        "5324818942", "05324818942", "+905324818942", "00905324818942", "+90 532 481 89 42", "0 (532) 481-89-42",
        "customer:5324818942", "customer-5324818942", "5324818942-2026", "tr_05324818942", "５３２４８１８９４２", "٥٣٢٤٨١٨٩٤٢",
        "4111111111111111",
        "4111 1111 1111 1111", "4111-1111-1111-1111", "card=5500005555555559;x", "378282246310005",
    ])
    func aPhoneOrCardNumberIsFound(key: String) {
        #expect(PersonalNumber.isFound(in: Array(key.utf8)))
    }

    /// Whatever stands between the digits or before them: the worker may read it as a phone, and a person will.
    @Test(arguments: [
        "532\u{2010}481\u{2011}89\u{2013}42", "532\u{2212}481\u{2014}8942", "532\u{FF0D}481\u{FE63}8942",
        "4111\u{2011}1111\u{2011}1111\u{2011}1111", "5\u{200B}3\u{2060}2\u{AD}4\u{34F}8\u{FE0F}1\u{E0020}8942",
        "532\u{E0100}4818942", "532\u{115F}481\u{3164}8942", "\u{200E}5324818942\u{200E}", "5324818942\u{200B}x",
        "532_481_89_42", "532:481:8942", "532, 481, 89, 42", "532.481.8942", "532·481·89·42", "532    481    89    42",
        "[532] 481 89 42", "(0)532 481 89 42", "4111_1111_1111_1111", "4111 : 1111 : 1111 : 1111",
        "customer 7: 532 481 89 42",
        "u5324818942", "TR5324818942", "müşteri05324818942", "card4111111111111111", "u2u5324818942", "%2B905324818942",
        "५३२४८१८९४२", "𝟓𝟑𝟐𝟒𝟖𝟏𝟖𝟗𝟒𝟐", "5️⃣3️⃣2️⃣4️⃣8️⃣1️⃣8️⃣9️⃣4️⃣2️⃣", "⑤③②④⑧①⑧⑨④②",
        "NTMyNDgxODk0Mg==", "NTMyNDgxODk0Mg", "KzkwNTMyNDgxODk0Mg==",
    ])
    func soItIsHoweverItIsSpelled(key: String) {
        #expect(PersonalNumber.isFound(in: Array(key.utf8)))
    }

    @Test func soItIsInUTF16() {
        let units = "u5324818942".utf16
        #expect(PersonalNumber.isFound(in: units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }))
        #expect(PersonalNumber.isFound(in: units.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }))
    }

    /// What the worker takes for a phone is one here too, as far as a key can be told from a phone.
    @Test func whateverAPhoneMayHoldDoesNotHideIt() {
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value), !("0"..."9").contains(scalar) else { continue }
            let key = "532\(scalar)481\(scalar)8942"
            if PhoneNumber(normalising: key) != nil, !PersonalNumber.isFound(in: Array(key.utf8)) {
                Issue.record("U+\(String(value, radix: 16)) hides a phone")
            }
        }
    }

    /// A hostile key costs little.
    @Test(.timeLimit(.minutes(1))) func aLongKeyIsLookedAtAsFarAsItIsShown() {
        #expect(!PersonalNumber.isFound(in: Array(String(repeating: "3 ", count: 500_000).utf8)))
        let before = String(repeating: "x", count: DeadLetter.maximumKeyBytes - 12)
        #expect(PersonalNumber.isFound(in: Array((before + " 5324818942").utf8)))
    }

    @Test func soIsOneThatJavaWroteAsALong() {
        #expect(PersonalNumber.isFound(in: [0, 0, 0, 1, 0x3D, 0x62, 0x49, 0xFE]))
        #expect(!PersonalNumber.isFound(in: [0, 0, 0, 0, 0, 0, 0, 7]))
    }

    @Test(arguments: [
        "", "123456", "order-AB12", "550e8400-e29b-41d4-a716-446655440000", "4111111111111112", "3324818942",
        "20261128175300",
        "customer-5324818942x", "9f86d081884c7d659a2feaa0c55ad015", "s~429~x", "session-000123",
        "otp.verify.commands/3/42",
        "2026-11-28T17:53:00.123Z", "01890a5d-ac96-774b-bcce-b302099a8057", "oturum-ç-1", "tenant7/order1234567",
        "cG9yZGVyLTE3",
    ])
    func whatNamesNobodyIsNot(key: String) {
        #expect(!PersonalNumber.isFound(in: Array(key.utf8)))
    }

    @Test func bytesThatAreNoTextNameNobody() {
        #expect(!PersonalNumber.isFound(in: [0xFF, 0x00, 0xC3]))
    }
}
