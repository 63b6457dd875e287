"""An upstream that accepts everything and keeps what it was asked with."""

import contextlib
import http.server
import json
import re
import socketserver
import threading
import time


@contextlib.contextmanager
def listening():
    """Its URL, and by session the headers of the last request, their names in lower case, with its `body`."""
    seen = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen[body["otp_session_id"]] = {name.lower(): value for name, value in self.headers.items()} | {"body": body}
            answer = b'{"code":0,"message":"ok"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextlib.contextmanager
def saying(*answers, patience=3_600):
    """One that answers its requests with these bytes in turn, the last one over and over: its URL, and when it was asked.

    A connection that was idle for longer than its patience ends just when the next request comes, as it does where the two cross.
    """
    asked = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            answered = None
            while True:
                if answered and not self.rfile.peek(1):
                    return
                if answered and time.monotonic() - answered > patience:
                    return
                length = 0
                while (line := self.rfile.readline()) not in (b"", b"\r\n"):
                    found = re.match(rb"content-length: (\d+)", line, re.IGNORECASE)
                    length = int(found[1]) if found else length
                if not line:
                    return
                self.rfile.read(length)
                asked.append(time.monotonic())
                answer = answers[min(len(asked), len(answers)) - 1]
                self.wfile.write(answer)
                answered = time.monotonic()
                if b"Connection: close" in answer:
                    return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join(10)
