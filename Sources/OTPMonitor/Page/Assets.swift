/// What a page loads besides itself: its style, its script, its icon.
package enum Assets {
    package static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#12703f"/>\
        <path d="M4 8.5 7 11.5 12 5" fill="none" stroke="#fff" stroke-width="2"/></svg>
        """

    package static let style = """
        :root { --page: #f6f7f9; --card: #fff; --line: #dfe3e8; --text: #17202a; --quiet: #5c6773;
          --good: #12703f; --good-back: #e2f4ea; --bad: #b3261e; --bad-back: #fce8e6; --warn: #8a5300; --warn-back: #fdf0d9;
          --verified: #2f9e6b; --rejected: #5b7fb8; --expired: #c98a1b; --invalid: #8d6bb5; --failed: #cf3f36;
          --low: #7fb4e6; --middle: #2f6fb4; --high: #17365c; --focus: #1a66d6 }
        @media (prefers-color-scheme: dark) {
          :root { --page: #0f1419; --card: #182028; --line: #2b3640; --text: #e6ebf0; --quiet: #94a1ae;
            --good: #6fd39b; --good-back: #12301f; --bad: #ff9c92; --bad-back: #3b1714; --warn: #f2bd62; --warn-back: #33260e;
            --verified: #3fae79; --rejected: #7c9fd6; --expired: #e0a740; --invalid: #ab8bd3; --failed: #f0665c;
            --low: #35618a; --middle: #5ea3e6; --high: #c3defa; --focus: #8ab8ff } }
        * { box-sizing: border-box; margin: 0 }
        body { background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; max-width: 76rem;
          margin: 0 auto; padding: 1.5rem 1.25rem; font-variant-numeric: tabular-nums }
        a { color: inherit; text-underline-offset: .15em }
        :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: .2rem }
        main:focus { outline: none }
        .skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .3rem .8rem }
        header { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center }
        h1 { font-size: 1.3rem; font-weight: 650; margin-right: auto; overflow-wrap: anywhere }
        h1 a { text-decoration: none } h1 span { color: var(--quiet); font-weight: 400 }
        nav { display: flex; gap: 1rem; font-size: .95rem }
        h2 { font-size: .8rem; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; color: var(--quiet);
          margin: 1.8rem 0 .6rem; overflow-wrap: anywhere }
        h2.plain { font-size: 1rem; letter-spacing: 0; text-transform: none; color: var(--text) }
        #verdict, .mark { border-radius: 99px; font-weight: 600; white-space: nowrap }
        #verdict { padding: .2rem .85rem; font-size: .9rem } #verdict:empty { display: none }
        .mark { display: inline-block; font-size: .8rem; padding: .05rem .6rem; text-align: center; border: 1px solid var(--line) }
        .good { color: var(--good); background: var(--good-back); border-color: transparent }
        .bad { color: var(--bad); background: var(--bad-back); border-color: transparent }
        .warn { color: var(--warn); background: var(--warn-back); border-color: transparent }
        .note { color: var(--quiet); font-size: .92rem; margin: .4rem 0 .6rem; overflow-wrap: anywhere }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem }
        .figure, .list, .scroll, .chart, .partitions li { background: var(--card); border: 1px solid var(--line); border-radius: .7rem }
        .figure { padding: .7rem 1rem } .figure dt { color: var(--quiet); font-size: .82rem }
        .figure dd { font-size: 1.35rem; font-weight: 600; line-height: 1.35 }
        .figure small { display: block; color: var(--quiet); font-size: .82rem; font-weight: 400; overflow-wrap: anywhere }
        .figure.good, .figure.bad, .figure.warn { background: var(--card); color: var(--text); border-color: var(--line) }
        .figure.good dd { color: var(--good) } .figure.bad dd { color: var(--bad) } .figure.warn dd { color: var(--warn) }
        .figure dd small { color: var(--quiet) }
        .list { list-style: none; padding: 0 }
        .list li { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: baseline; padding: .5rem 1rem; overflow-wrap: anywhere }
        .list li + li, tr + tr > *, tbody tr:first-child > * { border-top: 1px solid var(--line) }
        .list .mark { min-width: 5rem } .list a { font-size: .9rem; color: var(--quiet); margin-left: auto }
        .list span:not(.mark) { flex: 1 1 14rem }
        .list span a { font-size: inherit; color: inherit; margin-left: 0 }
        .ranges { display: flex; flex-wrap: wrap; gap: .3rem .9rem; align-items: baseline; margin-bottom: .6rem }
        .ranges span { color: var(--quiet); font-size: .85rem } .ranges [aria-current] { font-weight: 700; text-decoration: none }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); gap: .75rem }
        .chart { padding: .7rem .8rem .4rem } .chart svg { display: block; width: 100%; height: auto }
        figcaption { display: flex; flex-wrap: wrap; gap: .1rem 1rem; font-size: .85rem; margin-bottom: .4rem }
        figcaption b { font-weight: 600 }
        .legend { display: flex; flex-wrap: wrap; gap: 0 .8rem; color: var(--quiet) }
        .key { display: inline-block; width: .7em; height: .7em; border-radius: .15em; margin-right: .35em }
        .grid { stroke: var(--line); stroke-width: 1 } .axis { fill: var(--quiet); font-size: 10.5px }
        .line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round } .bar { fill: currentColor }
        .verified { color: var(--verified) } .rejected { color: var(--rejected) } .expired { color: var(--expired) }
        .invalid { color: var(--invalid) } .failed { color: var(--failed) } .doubt { color: var(--middle) }
        .low { color: var(--low) } .middle { color: var(--middle) } .high { color: var(--high) } .key { background: currentColor }
        .scroll { overflow-x: auto } table { width: 100%; border-collapse: collapse; font-size: .92rem }
        th, td { padding: .4rem .8rem; text-align: left; white-space: nowrap; vertical-align: baseline }
        tbody th { font-weight: 600 } thead th { color: var(--quiet); font-size: .82rem; font-weight: 500 }
        td.text, article td { white-space: normal; min-width: 16rem }
        .partitions, .reasons { list-style: none; padding: 0; display: grid; gap: .5rem;
          grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)) }
        .partitions li { display: grid; grid-template-columns: 2.2rem 1fr auto; gap: .1rem .5rem; padding: .35rem .75rem; font-size: .9rem }
        .partitions li.warn b { color: var(--warn) } .partitions li.warn { background: var(--card); color: inherit; border-color: var(--warn) }
        .partitions span { color: var(--quiet) } .partitions meter { grid-column: 1 / -1; width: 100%; height: .55rem }
        .partitions .owner { grid-column: 1 / -1; overflow-wrap: anywhere; font-size: .82rem }
        .reasons { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin-bottom: .6rem }
        form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-bottom: .7rem }
        input, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--quiet); border-radius: .4rem;
          padding: .3rem .7rem } input { flex: 1 1 12rem; max-width: 26rem; min-width: 0 }
        button { cursor: pointer; font-weight: 600 }
        article { max-width: 52rem } article > * { margin-top: .7rem; overflow-wrap: anywhere } article ul { padding-left: 1.3rem }
        article h1, article h2, article h3 { font-size: 1.15rem; text-transform: none; letter-spacing: 0; color: var(--text); margin-top: 2rem }
        article h3 { font-size: 1rem } article :target { background: var(--warn-back) }
        pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; overflow-x: auto; font-size: .85rem }
        code { font-size: .9em } article li { margin: .25rem 0 }
        footer { margin-top: 2.2rem; color: var(--quiet); font-size: .85rem }
        .stale main { opacity: .55 }
        @media (max-width: 34rem) { body { padding: 1rem .75rem } .list a { margin-left: 0 } .figures { grid-template-columns: 1fr 1fr }
          .figure { padding: .6rem .7rem } .figure dd { font-size: 1.15rem } .axis { font-size: 13px } .figures, .charts { gap: .5rem } }

        """

    /// Takes the parts that changed, as the server rendered and escaped them, and says when it hears nothing.
    package static let script = """
        "use strict";
        const verdict = document.getElementById("verdict");
        let heard = Date.now();
        function show(text, style) {
          if (verdict.textContent !== text) verdict.textContent = text;
          verdict.className = style;
          document.body.classList.toggle("stale", style === "bad");
        }
        // What somebody has the focus in, or marks, is left alone until it is let go.
        const held = new Map();
        function isHeld(part) {
          const selection = document.getSelection();
          return part.contains(document.activeElement) && document.activeElement !== document.body
            || selection && !selection.isCollapsed && part.contains(selection.anchorNode);
        }
        function put(id, html) {
          const part = document.getElementById(id);
          if (!part) return;
          if (isHeld(part)) { held.set(id, html); return; }
          held.delete(id);
          const positions = [...part.querySelectorAll(".scroll")].map(box => box.scrollLeft);
          part.innerHTML = html;
          part.querySelectorAll(".scroll").forEach((box, index) => { box.scrollLeft = positions[index] || 0; });
        }
        const source = new EventSource("events" + location.search);
        source.addEventListener("part", event => {
          const { id, html } = JSON.parse(event.data);
          put(id, html);
        });
        source.addEventListener("beat", () => {
          heard = Date.now();
          for (const [id, html] of [...held]) put(id, html);
          show("Live", "good");
        });
        setInterval(() => {
          const silence = Math.round((Date.now() - heard) / 1000);
          if (silence > 4) show("Nothing heard for " + silence + " s", "bad");
        }, 1000);
        show("Connecting", "");

        """
}
