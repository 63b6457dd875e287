import OTPContract
import Testing

@testable import OTPMonitor

/// The small pieces: escaping, charts, Markdown, requests, rings.
struct PieceTests {
    @Test func interpolationEscapes() {
        let html: HTML = "<b>\("<&>\"'")</b>\(1 + 1)\(["<i>1</i>" as HTML, "<i>\("<")</i>"])"
        #expect(html.text == "<b>&lt;&amp;&gt;&quot;&#39;</b>2<i>1</i><i>&lt;</i>")
        #expect(HTML.encoded("a b/ç&=\"") == "a%20b%2F%C3%A7%26%3D%22")
    }

    @Test(arguments: [0.0, 0.4, 1, 1.1, 5, 6, 10, 11, 99, 100, 499, 501, 12_345])
    func theTopOfAScaleIsRoundAndNear(value: Double) {
        let top = Chart.ceiling(value)
        #expect(top >= value && top >= 1 && top <= max(1, value * 2.5))
    }

    @Test func aChartHasGapsAndWords() {
        let times = (0..<4).map { WallTime(milliseconds: Story.start.milliseconds + Int64($0) * 60_000) }
        let chart = Chart(
            "Time",
            .lines,
            times: times,
            series: [.init("p50", style: "low", [1, 2, nil, 4])],
            words: { "\(Int($0)) ms" }
        )
        #expect(chart.summary == "Time: p50 now 4 ms, at most 4 ms")
        let html = chart.html.text
        #expect(html.ranges(of: "M").count == 2 && html.ranges(of: "L").count == 1)
        #expect(html.contains("aria-label=\"Time: p50 now 4 ms, at most 4 ms\"") && html.contains(">10:00</text>"))
        let empty = Chart("Time", .stack, times: [], series: [], words: { "\($0)" })
        #expect(empty.html.text.contains("<svg"))
    }

    @Test func barsAreStacked() {
        let chart = Chart(
            "Sum",
            .stack,
            times: [Story.start],
            series: [.init("a", style: "low", [3]), .init("b", style: "high", [0]), .init("c", style: "middle", [2])],
            words: { "\(Int($0))" }
        )
        let html = chart.html.text
        #expect(html.ranges(of: "<rect").count == 2)
        // Together they reach the top, which is 5: 3 of 124 are 74.4 high, and 2 of them stand on those.
        #expect(html.contains("y=\"57.6\" height=\"74.4\"") && html.contains("y=\"8\" height=\"49.6\""))
    }

    @Test func markdownAsTheArticlesHaveIt() {
        let text = """
            # Title
            ## Part: one

            Words with `<code>` and **bold `x`**,
            and [a link](#part-one), [another](Other.md#x).

            - one
              goes on
            - two:
              ```sh
              a < b
              ```

            | a | b |
            |---|---|
            | 1 | `2` |

            ```
            code & more
            ```
            """
        let expected = """
            <h1 id="title">Title</h1><h2 id="part-one">Part: one</h2>\
            <p>Words with <code>&lt;code&gt;</code> and <b>bold <code>x</code></b>, and <a href="#part-one">a link</a>, another.</p>\
            <ul><li>one goes on</li><li><p>two:</p><pre tabindex="0">a &lt; b
            </pre></li></ul>\
            <div class="scroll" tabindex="0"><table><tbody><tr><td>a </td><td>b </td></tr>\
            <tr><td>1 </td><td><code>2</code> </td></tr></tbody></table></div>\
            <pre tabindex="0">code & more
            </pre>
            """.replacing("code & more", with: "code &amp; more")
        #expect(Markdown.html(text).text == expected)
    }

    @Test(
        arguments: [
            ("/", "", nil), ("/session?id=a+b%2Fc&x=1", "session", "a b/c"),
            ("/session?id=%C3%A7%zz%4", "session", "ç%zz%4"),
            ("/session?id", "session", ""), ("/session?id=a=b&id=c", "session", "a=b"),
            ("/session?x=1", "session", nil),
        ] as [(String, String, String?)]
    )
    func aTargetIsTakenApart(target: String, path: String, id: String?) {
        let request = Request(target: target)
        #expect(request?.path == path && request?["id"] == id)
    }

    @Test(arguments: [
        "", "session", "http://other/", "/" + String(repeating: "x", count: 2_048),
        "/?" + String(repeating: "a&", count: 17),
    ])
    func aTargetThatIsNoneIsRefused(target: String) { #expect(Request(target: target) == nil) }

    @Test func aRingKeepsTheLast() {
        var ring = Ring<Int>(capacity: 3)
        #expect(ring.newest(5) == [])
        for number in 1...5 { ring.append(number) }
        #expect(ring.newest(5) == [5, 4, 3] && ring.newest(2) == [5, 4] && ring.count == 3)
        #expect(ring.newest(5) { $0 != 4 } == [5, 3])
    }

    @Test(
        arguments: [(0, "0 ms"), (999, "999 ms"), (1_500, "1.5 s"), (119_000, "119.0 s"), (180_000, "3 min")]
            as [(Int64, String)]
    )
    func timesAreShort(milliseconds: Int64, shown: String) { #expect(Figure.time(milliseconds) == shown) }

    @Test func numbersAreShort() {
        #expect(
            [0, 0.04, 9.96, 99.94, 100, 12_345.6].map(Figure.rate) == ["0", "0.0", "10.0", "99.9", "100", "12,346"]
        )
        #expect([0, 0.004, 0.5, 1].map(Figure.percent) == ["0 %", "0.4 %", "50 %", "100 %"])
        #expect([0, 5, 119, 600, 10_000].map(Figure.ago) == ["now", "5 s ago", "119 s ago", "10 min ago", "2 h ago"])
    }

    @Test func aStreamIsSentWhatHasChanged() {
        var story = Story()
        story.isWell()
        var feed = PartFeed()
        feed.render(story.monitor, at: story.now, [.hour])
        let first = feed.changes(.hour, since: [:])
        #expect(first.map(\.id) == Overview.Part.allCases && feed.changes(.day, since: [:]) == [])
        var sent = Dictionary(uniqueKeysWithValues: first.map { ($0.id, $0.version) })
        feed.render(story.monitor, at: story.now, [.hour])
        #expect(feed.changes(.hour, since: sent) == [])
        // One that was away for two changes is sent the last.
        story.tell(.letter(Story.letter(), written: story.now.wall))
        feed.render(story.monitor, at: story.now, [.hour])
        story.tell(.letter(Story.letter(), written: story.now.wall))
        feed.render(story.monitor, at: story.now, [.hour])
        let next = feed.changes(.hour, since: sent)
        #expect(next.map(\.id) == [.letters])
        let text = String(decoding: next[0].bytes, as: UTF8.self)
        #expect(text.hasPrefix("event: part\ndata: {\"id\":\"letters\",\"html\":\"") && text.hasSuffix("}\n\n"))
        #expect(text.split(separator: "\n").count == 2)
        sent[.letters] = next[0].version
        #expect(feed.changes(.hour, since: sent) == [])
        feed.render(story.monitor, at: story.now, [])
        #expect(feed.changes(.hour, since: [:]) == [])
    }
}
