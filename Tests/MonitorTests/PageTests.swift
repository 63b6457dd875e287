import OTPContract
import OTPMonitor
import Testing

/// What the pages say, and that nothing in a record can be more than text there.
struct PageTests {
    private static let hostile = "\"><script>alert(1)</script>&'\u{202E}"
    private static let phone = "5324818942"

    private static func page(_ story: Story, _ range: Overview.Range = .hour) -> String {
        Overview(story.monitor, at: story.now, range).page.text
    }

    @Test func theWholePageHasEveryPart() {
        var story = Story()
        story.isWell(members: ["worker-0", "worker-1"], lags: [0: 2, 1: 34])
        story.results(50, took: 100)
        story.results(2, .outcomeUnknown, session: "lost-1", partition: 1, inDoubt: true)
        story.tell(.letter(Story.letter(.keyMissing), written: story.now.wall))
        story.pass(.seconds(1))
        let page = Self.page(story)
        // One that is both in doubt and failed is one.
        #expect(page.contains("<dt>failed or in doubt</dt><dd>2<small>2 failed, 2 in doubt in the last minute"))
        for words in [
            "<title>results · otp-worker monitor</title>", "52 in the last minute, 52 since the start", "96 %",
            "p90 100 ms, p99 100 ms, at most 100 ms", "in 2 partitions, most in 1: 34", "Results a second",
            "answers with trouble",
            "The group fleet is stable and has 2 members.", "worker-1</th>", "34 wait", "session?id=lost-1",
            "in doubt, retryable", "key_missing", "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>",
        ] {
            #expect(page.contains(words), "\(words)")
        }
        for part in Overview.Part.allCases { #expect(page.contains("<div id=\"\(part.rawValue)\">"), "\(part)") }
    }

    @Test func anEmptyMonitorSaysThatItKnowsNothing() {
        let page = Self.page(Story())
        #expect(page.contains("results is not read yet") && page.contains("not known yet"))
        #expect(page.contains("None that is remembered.") && page.contains("no result in the last minute"))
        #expect(!page.contains("Everything is read"))
    }

    @Test func whatARecordSaysIsTextAndNothingElse() {
        var story = Story()
        story.isWell(members: [Self.hostile])
        story.tell(
            .result(Story.event(.other(Self.hostile, .failed), session: "<i>", inDoubt: true, worker: Self.hostile)),
            .letter(Story.letter(key: "<i>"), written: story.now.wall),
            .lag(.refused(reason: Self.hostile)),
            .turned(.results, reached: [:], trouble: Self.hostile)
        )
        let (_, session) = SessionPage.page("<i>", story.monitor)
        let (_, unknown) = SessionPage.page("\"><script>alert(1)</script>", story.monitor)
        for page in [Self.page(story), session.text, unknown.text] {
            #expect(!page.contains("<script>") && !page.contains("<i>") && !page.contains("\u{202E}"))
            #expect(!page.contains("alert(1)\"") && !page.contains("'\""))
        }
        #expect(Self.page(story).contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;·"))
        #expect(session.text.contains("value=\"&lt;i&gt;\"") && session.text.contains("dead letter"))
    }

    /// The upstream's message is dropped, and so is the phone; a session that is one shows masked.
    @Test func noPhoneNumberIsShown() {
        var story = Story()
        story.isWell()
        story.results(3, .outcomeUnknown, session: Self.phone)
        story.tell(.letter(Story.letter(key: Self.phone), written: story.now.wall))
        let (isFound, session) = SessionPage.page(Self.phone, story.monitor)
        #expect(isFound && session.text.contains("532*****42"))
        #expect(!session.text.contains(Self.phone) && !Self.page(story).contains(Self.phone))
        let parts = Overview.Part.allCases.map { Overview(story.monitor, at: story.now, .hour).html($0).text }
        #expect(parts.allSatisfy { !$0.contains(Self.phone) })
    }

    @Test func aSessionsTimeLine() throws {
        var story = Story()
        story.isWell()
        story.results(session: "other")
        story.results(1, .outcomeUnknown, session: "s-9", took: 5_000, inDoubt: true, httpStatus: nil)
        story.pass(.seconds(10))
        story.tell(.result(Story.event(.ok, session: "s-9", offset: 8, at: story.now.wall)))
        story.tell(.letter(Story.letter(.field(.code), key: "s-9"), written: story.now.wall))
        let session = try #require(SessionID("s-9"))
        let line = try #require(SessionLine(of: session, in: story.monitor))
        #expect(line.summary == "2 results, 1 dead letter, verified, in doubt for a time")
        #expect(
            line.entries.map { "\($0.kind) \($0.command) \($0.text)" } == [
                "read 0/0 a worker read the command",
                "result 0/0 failed/outcome_unknown, 1 call, return code 0, in doubt, retryable, 5000 ms by worker-0",
                "read 0/8 a worker read the command",
                "result 0/8 verified/ok, 1 call, HTTP 200, return code 0, 40 ms by worker-0",
                "dead letter 3/7 field_otp_code",
            ]
        )
    }

    @Test(arguments: [(nil, true), ("", true), ("nobody", false), ("a\u{7}b", false)])
    func aSearchThatFindsNothingSaysSo(query: String?, isFine: Bool) {
        let (isFound, page) = SessionPage.page(query, Story().monitor)
        #expect(isFound == isFine && page.text.contains("<p class=\"note\">"))
    }

    @Test func manyPartitionsAreTheOnesThatMatter() {
        var story = Story()
        story.isWell(lags: Dictionary(uniqueKeysWithValues: (0..<500).map { (Int32($0), Int64($0)) }))
        let html = Overview(story.monitor, at: story.now, .hour).html(.partitions).text
        #expect(html.contains("64 of 500 partitions") && html.contains("<b>499</b>") && !html.contains("<b>435</b>"))
    }

    @Test func aPageHasNoStyleAndNoScriptOfItsOwn() {
        var story = Story()
        story.isWell()
        story.results(10, .sessionBusy)
        for page in [Self.page(story), Runbook.page.text, SessionPage.page("s-1", story.monitor).html.text] {
            #expect(!page.contains("style=") && !page.contains("<style") && !page.contains("onclick"))
            #expect(!page.contains("href=\"http") && !page.contains("src=\"http"))
            #expect(page.ranges(of: "<script").count <= 1)
        }
        #expect(!Document.policy.contains("unsafe"))
    }

    @Test func everyFindingHasItsSectionInTheRunbook() {
        let page = Runbook.page.text
        for section in Runbook.Section.allCases {
            let anchor = "id=\"\(Runbook.anchor(section.rawValue))\""
            #expect(page.contains(anchor), "\(section)")
        }
        #expect(page.contains("<pre tabindex=\"0\">") && !page.contains("```") && !page.contains("**"))
        #expect(page.contains("<a href=\"#backlog\">backlog</a>"))
    }
}
