/// Characters that make two identifiers look like one: anyone who may choose between them has as many sessions as spellings.
///
/// Listed rather than asked of the system's tables, so that it is the same everywhere and what `command.schema.json` says. Source of
/// the rule: Unicode's general categories Cc, Cf, Zs, Zl and Zp, Default_Ignorable_Code_Point and Noncharacter_Code_Point, and the
/// blank Braille pattern; the plain blank U+0020 is none of them.
enum Visibility {
    private static let invisible: [ClosedRange<UInt32>] = [
        0x0...0x1F, 0x7F...0xA0, 0xAD...0xAD, 0x34F...0x34F, 0x600...0x605, 0x61C...0x61C, 0x6DD...0x6DD,
        0x70F...0x70F, 0x890...0x891, 0x8E2...0x8E2, 0x115F...0x1160, 0x1680...0x1680, 0x17B4...0x17B5,
        0x180B...0x180F, 0x2000...0x200F, 0x2028...0x202F, 0x205F...0x206F, 0x2800...0x2800, 0x3000...0x3000,
        0x3164...0x3164, 0xFDD0...0xFDEF, 0xFE00...0xFE0F, 0xFEFF...0xFEFF, 0xFFA0...0xFFA0, 0xFFF0...0xFFFB,
        0xFFFE...0xFFFF, 0x110BD...0x110BD, 0x110CD...0x110CD, 0x13430...0x1343F, 0x1BCA0...0x1BCA3,
        0x1D173...0x1D17A, 0xE0000...0xE0FFF,
    ]

    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        // Nearly all that is ever asked.
        if value < 0x7F { return value < 0x20 }
        return value & 0xFFFE == 0xFFFE || invisible.contains { $0.contains(value) }
    }
}

extension Identifier {
    /// Whether a producer may name something so: usable, and no two such texts look alike for a character that cannot be seen.
    static func isClear(_ text: String) -> Bool {
        guard isUsable(text), text.utf8.first != 0x20, text.utf8.last != 0x20 else { return false }
        // Of ASCII only control characters cannot be seen, and what is usable has none.
        return text.utf8.allSatisfy { $0 < 0x80 } || !text.unicodeScalars.contains(where: Visibility.isInvisible)
    }
}
