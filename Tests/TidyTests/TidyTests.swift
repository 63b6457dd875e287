import Testing

/// The repository itself, held to the house rules.
///
/// Each rule is seen to fail in `RuleTests`.
@Suite struct TidyTests {
    private func check(_ rule: (Source) -> [Violation]) {
        for violation in SourceTree.all.flatMap(rule) { Issue.record("\(violation)") }
    }

    @Test func theTreeIsFound() {
        #expect(SourceTree.swift.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
        #expect(SourceTree.all.contains { $0.path == "Package.swift" })
        #expect(SourceTree.swift.contains { $0.target == "OTPEngine" })
    }

    @Test func importsPointDownwards() { check(Layers.violations) }

    @Test func filesAreShort() { check(Rules.fileLength) }

    @Test func functionsAreShort() { check(Rules.functionLength) }

    @Test func noTestSleeps() { check(Rules.sleepInTests) }

    @Test func whatIsUncheckedSaysWhyItIsSafe() { check(Rules.unsafeWithoutReason) }

    @Test func nothingIsLeftUnfinished() { check(Rules.unfinished) }

    @Test func numbersAreLoggedAsNumbers() { check(Rules.numberAsText) }

    @Test func messagesAreLoggedByTheirCases() { check(Rules.loggedText) }

    @Test func noPathOfOneMachineIsNamed() { check(Rules.machinePath) }

    @Test func wordsArePlain() { check(HouseWords.violations) }
}
