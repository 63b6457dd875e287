extension HomePage {
    /// Asks `/ready` and `/status` and writes what they say, as text only: neither can put markup into the page.
    static let script = """

        "use strict";
        const at = id => document.getElementById(id);
        const make = (tag, text, className) => {
          const element = document.createElement(tag);
          if (text !== undefined) element.textContent = text;
          if (className) element.className = className;
          return element;
        };
        const words = name => name.replaceAll("_", " ");
        const number = value => value === undefined ? "–" : value.toLocaleString("en");
        const duration = ms =>
          ms < 1000 ? ms + " ms" : ms < 120000 ? (ms / 1000).toFixed(1) + " s" : Math.round(ms / 60000) + " min";

        function showVerdict(text, className) {
          at("verdict").textContent = text;
          at("verdict").className = className;
          document.title = text + " · " + (at("worker").textContent || "otp-worker");
        }

        function figure(name, value, detail, className) {
          const box = make("dl", undefined, "figure" + (className ? " " + className : ""));
          const data = make("dd", value);
          if (detail) data.append(make("small", detail));
          box.append(make("dt", name), data);
          return box;
        }

        function showReadiness(ready) {
          const isAdvised = ready.conditions.some(condition => condition.advisory && !condition.ok);
          if (!ready.ready) showVerdict("Not ready", "bad");
          else if (isAdvised) showVerdict("Ready, with advice", "warn");
          else showVerdict("Ready", "good");
          at("conditions").replaceChildren(...ready.conditions.map(condition => {
            const row = make("li");
            const [word, className] =
              condition.ok ? ["ok", "good"] : condition.advisory ? ["advice", "warn"] : ["not met", "bad"];
            row.append(make("span", word, "mark " + className));
            row.append(make("b", condition.name), make("small", condition.detail));
            return row;
          }));
        }

        function figures(status) {
          const upstream = status.upstream, keys = status.keys, oldest = status.oldest_unfinished_ms;
          const sum = name => status.partitions.reduce((sum, partition) => sum + (partition[name] || 0), 0);
          const pause = upstream.reopens_in_ms > 0 && "asks again in " + duration(upstream.reopens_in_ms);
          const most = "of at most " + number(upstream.concurrency_limit);
          const rate = upstream.rate_share && number(upstream.rate_share) + " a second";
          const kind = keys.mixed ? "a mix" : keys.murmur2 > keys.crc32 ? "murmur2" : keys.crc32 > 0 ? "crc32" : "–";
          const counts = ["murmur2", "crc32", "neither"].map(name => name + " " + number(keys[name])).join(", ");
          const list = parts => parts.filter(Boolean).join(", ");
          return [
            figure("upstream", words(upstream.state), list([upstream.cause, pause]),
              upstream.state === "serving" ? "" : "warn"),
            figure("calls in flight", number(status.calls_in_flight), list([most, rate])),
            figure("commands in memory", number(status.commands_in_memory),
              list([number(status.commands_without_outcome) + " without an outcome", status.intake_closed && "intake paused"]),
              status.intake_closed ? "warn" : ""),
            figure("oldest unfinished", oldest === undefined ? "none" : duration(oldest), "", oldest > 60000 ? "bad" : ""),
            figure("lag", number(sum("lag")), "records of " + number(status.partitions.length) + " partitions"),
            figure("sessions remembered", number(sum("sessions")), number(sum("sessions_in_doubt")) + " in doubt"),
            figure("lease", status.draining ? "draining" : status.lease_valid ? "valid" : "lost",
              words(status.lease_loss || ""), status.lease_valid && !status.draining ? "" : "warn"),
            figure("keys placed by", kind, counts, keys.mixed ? "bad" : "")
          ];
        }

        function showStatus(status) {
          at("worker").textContent = status.worker;
          const from = ["version " + status.version, "group " + status.group, "topic " + status.topic];
          at("version").textContent = from.join(" · ");
          at("figures").replaceChildren(...figures(status));
          at("no-partitions").hidden = status.partitions.length > 0;
          at("table").hidden = status.partitions.length === 0;
          at("partitions").replaceChildren(...status.partitions.map(partition => {
            const row = make("tr"), phase = make("td");
            const isActive = partition.phase === "active";
            const className = isActive ? "good" : partition.phase === "parked" ? "bad" : "warn";
            phase.append(make("span", partition.phase, "mark " + className));
            if (partition.parked_for) phase.append(" " + partition.parked_for);
            row.append(make("td", number(partition.partition)), phase);
            for (const name of ["committed_offset", "end", "lag", "commands", "sessions", "sessions_in_doubt"])
              row.append(make("td", number(partition[name])));
            return row;
          }));
        }

        async function ask(path) {
          const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(4000) });
          return answer.json();
        }

        let heard = new Date();
        async function refresh() {
          try {
            const [ready, status] = await Promise.all([ask("ready"), ask("status")]);
            if (status.partitions) showStatus(status);
            showReadiness(ready);
            heard = new Date();
            document.body.classList.remove("stale");
          } catch (error) {
            showVerdict("No answer since " + heard.toLocaleTimeString("en-GB"), "bad");
            document.body.classList.add("stale");
          }
          setTimeout(refresh, document.hidden ? 15000 : 2000);
        }
        refresh();

        """
}
