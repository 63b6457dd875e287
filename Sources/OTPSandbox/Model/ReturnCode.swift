/// A Paynet return code, as the provider's page "return codes" numbers them.
///
/// Any integer is representable, because a scripted fault may answer a code that the documentation does not know.
package struct ReturnCode: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByIntegerLiteral {
    package let rawValue: Int

    package init(rawValue: Int) {
        self.rawValue = rawValue
    }

    package init(integerLiteral value: Int) {
        self.rawValue = value
    }

    package static let successful: ReturnCode = 0
    package static let unsuccessful: ReturnCode = 1
    package static let duplicateData: ReturnCode = 5
    package static let noProcess: ReturnCode = 6
    package static let unauthorized: ReturnCode = 7
    package static let serverError: ReturnCode = 8
    package static let badRequest: ReturnCode = 11
    package static let noData: ReturnCode = 12
    package static let noSession: ReturnCode = 13
    package static let usedSession: ReturnCode = 17
    package static let oldSuccessful: ReturnCode = 100

    /// The text that goes with the code: Turkish, UTF-8.
    package var message: String {
        switch rawValue {
        case 0: "Başarılı İşlem"
        case 1: "Başarısız İşlem: Şifre hatalı"
        case 2: "Firma kapalı"
        case 3: "Bayi kapalı"
        case 4: "Bayi bulunamadı"
        case 5: "Mükerrer kayıt"
        case 6: "İşlem bulunamadı"
        case 7: "Yetkisiz işlem"
        case 8: "Sunucu hatası"
        case 9: "Bu işlem desteklenmiyor"
        case 10: "Zaman aşımı"
        case 11: "Hatalı istek"
        case 12: "Kayıt bulunamadı"
        case 13: "Oturum bulunamadı"
        case 14: "Geçersiz BIN numarası"
        case 15: "Eşleşmeyen işlem"
        case 16: "3D doğrulama hatası"
        case 17: "Oturum daha önce kullanılmış"
        case 18: "Kart bilgisi hatalı"
        case 19: "Yanlış işlem türü"
        case 20: "Yanlış POS türü"
        case 21: "Yanlış oran"
        case 100: "İşlem daha önce başarıyla tamamlanmış"
        default: "Tanımsız dönüş kodu"
        }
    }

    /// The HTTP status and error type under which an error object carries this code.
    var httpForm: (status: Int, type: String) {
        switch rawValue {
        case 6, 12, 13: (404, "no_data_error")
        case 2, 3, 4: (403, "authorization_error")
        case 7: (401, "authorization_error")
        case 8, 10: (500, "api_error")
        default: (400, "invalid_request_error")
        }
    }
}
