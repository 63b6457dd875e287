"""The way to the upstream: a key that is changed while the worker runs, connections ready before the first command, a fixed egress."""

import contextlib
import select
import signal
import socket
import socketserver
import threading

import harness

KEY_CHANGED = "key file read again: another key is used from now on"


def ask(bench, results, session):
    """One command with the right code, and its result."""
    seen = len(results.events)
    bench.produce([harness.command(session, harness.right_code(session))])
    events = {event["otp_session_id"]: event for event in results.wait(seen + 1, 30)}
    return events[session]["status"], events[session]["reason"]


def test_key_file_is_read_again(bench, sandbox, worker, results, folder):
    """While it is refused by itself, on SIGHUP when told; in between the key before stays in use, and no key is ever shown."""
    keys = ["sck_" + name for name in ("markedold", "markednew", "markednewest")]
    file = folder / f"{bench.prefix}.key"
    sandbox(environment={"OTP_SANDBOX_SECRET_KEY": keys[1]})
    file.write_text(keys[0] + "\n")
    process = worker(settings={"check_otp.secret_key_file": file}, environment={}).wait_ready()
    assert ask(bench, results, "k-0001") == ("failed", "upstream_halted")
    file.write_text(keys[1] + "\n")
    harness.until("the new key is read", lambda: process.log_lines(KEY_CHANGED), 20)
    sessions = (f"k-{number:04d}" for number in range(1, 50))
    # Calls are halted: the next probe finds that the key works.
    harness.until("calls go on", lambda: ask(bench, results, next(sessions)) == ("verified", "ok"), 40)

    file.write_text(keys[2] + "\n")
    process.popen.send_signal(signal.SIGHUP)
    harness.until("it is read on SIGHUP", lambda: len(process.log_lines(KEY_CHANGED)) == 2, 20)
    file.write_text("")
    process.popen.send_signal(signal.SIGHUP)
    harness.until("an empty file is told", lambda: process.log_lines("key file is unusable, the key before stays"), 20)
    assert process.end() == 0
    assert not any(key in process.text() for key in keys)


def test_connections_are_ready_before_the_first_command(fleet):
    fleet = fleet(partitions=2)
    member = fleet.start()
    member.process.wait_ready()
    harness.until("two are open", lambda: len(member.http.links) == 2, 20)
    member.http.cut()
    harness.until("two are open again", lambda: len(member.http.links) == 2, 20)
    assert fleet.bench.sandbox.calls() == []
    assert member.process.end() == 0


class Tunnel(socketserver.BaseRequestHandler):
    """Answers one CONNECT and carries what follows."""

    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.request.recv(1)
        self.server.asked.append(head.split(b"\r\n")[0].decode())
        host, port = head.split(b" ")[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port)), 10) as target:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ways = {self.request: target, target: self.request}
            with contextlib.suppress(OSError):
                while True:
                    for source in select.select(list(ways), [], [], 60)[0]:
                        if not (data := source.recv(65536)):
                            return
                        ways[source].sendall(data)


def test_calls_go_through_a_proxy(bench, sandbox, worker, results, folder):
    authority = folder / f"{bench.prefix}.pem"
    upstream = sandbox("--tls", "--ca-file", str(authority))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as proxy:
        proxy.asked, proxy.daemon_threads = [], True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        process = worker(
            url=f"https://localhost:{upstream.port}",
            settings={"check_otp.ca_file": authority, "check_otp.proxy": f"http://127.0.0.1:{proxy.server_address[1]}"},
        ).wait_ready()
        assert ask(bench, results, "t-0001") == ("verified", "ok")
        assert set(proxy.asked) == {f"CONNECT localhost:{upstream.port} HTTP/1.1"}
        assert process.end() == 0
        proxy.shutdown()
