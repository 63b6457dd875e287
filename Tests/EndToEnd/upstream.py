"""An upstream that accepts everything and keeps what it was asked with."""

import contextlib
import http.server
import json
import threading


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
