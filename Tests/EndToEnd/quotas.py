"""Quotas of a real cluster, which the client libraries cannot set."""

import socket
import struct

ALTER_CLIENT_QUOTAS = 49


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def set_of_client(bench, client, key, value):
    """Sets what a client id may use; None takes the quota away."""
    entity = struct.pack(">i", 1) + text("client-id") + text(client)
    operation = struct.pack(">i", 1) + text(key) + struct.pack(">d?", value or 0.0, value is None)
    request = struct.pack(">hhi", ALTER_CLIENT_QUOTAS, 0, 1) + text("tests") + struct.pack(">i", 1) + entity + operation + b"\0"
    host, port = bench.brokers.split(",")[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        size = struct.unpack(">i", receive(connection, 4))[0]
        answer = receive(connection, size)
    # The correlation, the throttle, one entry, its error.
    error = struct.unpack_from(">h", answer, 12)[0]
    assert error == 0, answer


def receive(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        assert piece, "the broker ended the connection"
        data += piece
    return data
