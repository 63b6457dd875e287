import Contract
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

    @Test func soIsOneThatJavaWroteAsALong() {
        #expect(PersonalNumber.isFound(in: [0, 0, 0, 1, 0x3D, 0x62, 0x49, 0xFE]))
        #expect(!PersonalNumber.isFound(in: [0, 0, 0, 0, 0, 0, 0, 7]))
    }

    @Test(arguments: [
        "", "123456", "order-AB12", "550e8400-e29b-41d4-a716-446655440000", "4111111111111112", "3324818942",
        "20261128175300",
        "customer-5324818942x", "9f86d081884c7d659a2feaa0c55ad015", "s~429~x",
    ])
    func whatNamesNobodyIsNot(key: String) {
        #expect(!PersonalNumber.isFound(in: Array(key.utf8)))
    }

    @Test func bytesThatAreNoTextNameNobody() {
        #expect(!PersonalNumber.isFound(in: [0xFF, 0x00, 0xC3]))
    }
}
