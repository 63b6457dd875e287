import Testing

/// The articles as they are, and each rule about them seen to fail.
@Suite struct ArticleTests {
    private static let texts = Dictionary(uniqueKeysWithValues: SourceTree.all.map { ($0.path, $0.text) })

    private func check(_ violations: [Violation]) {
        for violation in violations { Issue.record("\(violation)") }
    }

    private func article(_ text: String, _ path: String = Articles.fileMap) -> Source {
        Source(path: path, text: text)
    }

    @Test func everyPathThatIsNamedIsThere() {
        check(SourceTree.all.flatMap { Articles.lostPaths($0, exists: { SourceTree.exists($0) }) })
    }

    @Test func everyLinkLeadsToAnArticle() {
        check(SourceTree.all.flatMap { Articles.lostLinks($0, exists: { SourceTree.exists($0) }) })
    }

    @Test func everyFunctionIsInAFileThatIsNamedBesideIt() {
        check(SourceTree.all.flatMap { Articles.lostFunctions($0, text: { Self.texts[$0] }) })
    }

    @Test func everyFileIsInTheFileMap() { check(Articles.undescribed(SourceTree.all)) }

    @Test func whatIsThereIsFound() {
        #expect(SourceTree.exists("deploy/image/Dockerfile") && SourceTree.exists("Tests/TidyTests"))
        #expect(!SourceTree.exists("Sources/OTPEngine/Nobody.swift"))
        #expect(Self.texts[Articles.fileMap]?.contains("`Sources/OTPEngine/Engine.swift`") == true)
    }

    @Test func aPathThatLeadsNowhereIsRefused() {
        let text = """
            # A

            See `Sources/A.swift`,
            `deploy/run.sh --all` and `Other/B.swift`.

            | `Tests/C` |
            |---|
            | `Tests/D` |
            """
        let there: Set = ["Sources/A.swift", "Tests/C"]
        let lost = Articles.lostPaths(article(text)) { there.contains($0) }
        #expect(lost.map(\.line) == [3, 8])
        #expect(lost.map(\.problem) == ["there is no deploy/run.sh", "there is no Tests/D"])
    }

    @Test func codeAndOtherFilesAreNotRead() {
        let text = "```\n`Sources/A.swift`\n```\n"
        #expect(Articles.lostPaths(article(text)) { _ in false } == [])
        #expect(Articles.lostPaths(article("`Sources/A.swift`", "README.md")) { _ in false } == [])
    }

    @Test func aLinkToNoArticleIsRefused() {
        let text = "See [one](One.md) and\n[two](Two.md#part) and [three](https://example.com/Three).\n"
        let lost = Articles.lostLinks(article(text)) { $0.hasSuffix("/One.md") }
        #expect(lost.map(\.problem) == ["there is no article Two.md"])
    }

    @Test func aFunctionThatHasGoneIsRefused() {
        let text = """
            `Sources/A.swift`, `read(_:at:)`, `Self.give()` and `gone(_:)`; `x < (y)` is none.

            Nothing is said of where `gone()` is.
            """
        let lost = Articles.lostFunctions(article(text)) {
            $0 == "Sources/A.swift" ? "func read() { give() }\nlet goner = 1" : nil
        }
        #expect(lost.map(\.problem) == ["no file that is named here has gone"])
    }

    @Test func aFileThatIsNotInTheMapIsRefused() {
        let sources = [
            article("| file |\n|---|\n| `Sources/OTPEngine/A.swift` |\n"), article("", "Sources/OTPEngine/A.swift"),
            article("", "Sources/OTPWorker/Sub/B.swift"), article("", "Sources/OTPKafka/C.swift"),
        ]
        #expect(Articles.undescribed(sources).map(\.path) == ["Sources/OTPWorker/Sub/B.swift"])
    }
}
