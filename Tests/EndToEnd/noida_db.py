"""What noida-db does otherwise than Kafka, corrected on the wire, so that the tests judge the worker and not the broker.

- A member that waits for its generation is forgotten when another one asks for the next too soon, as cooperative members do: requests
  to join are held back a little.
- A fetch that finds nothing is answered at once: fetches are held back a little.
- Every answer to a fetch names all aborted transactions that the partition ever had. Those that ended before the answer's first
  record make a reader drop whatever their producer wrote since: they are taken out. This is known for version 11 of the answer, so no
  newer one is offered.
- Offsets in a transaction are taken from a member whatever its generation: they are refused here, as the group's coordinator would.
"""

import asyncio
import struct

from tcp_proxy import FETCH, JOIN_GROUP, KafkaProxy

API_VERSIONS, TXN_OFFSET_COMMIT = 18, 28
FETCH_VERSION, JOIN_VERSIONS, TXN_OFFSET_VERSION = 11, (1, 2, 3, 4, 5), 3
ILLEGAL_GENERATION = 22
BATCH_HEAD = 61
CONTROL = 0x20


class NoidaDBProxy(KafkaProxy):
    """A proxy before noida-db that fixes what it says."""

    PATIENCE = {JOIN_GROUP: 0.2, FETCH: 0.02}
    WATCHED = KafkaProxy.WATCHED | {API_VERSIONS, FETCH, JOIN_GROUP}
    # Of each group the newest generation that any member was told of.
    generations = {}
    # Of each group when a member was last let in.
    answered = {}
    refused = 0

    def hold_back(self, key):
        return self.PATIENCE.get(key, 0.0)

    def correct(self, key, version, request, piece):
        if key == API_VERSIONS:
            offered = piece.index(struct.pack(">hh", FETCH, 0), 8)
            return piece[: offered + 4] + struct.pack(">h", FETCH_VERSION) + piece[offered + 6 :]
        if key == FETCH and version == FETCH_VERSION:
            return without_ended_transactions(piece)
        if key == JOIN_GROUP and version in JOIN_VERSIONS:
            self.joined(Reader(request), Reader(piece, 8 if version > 1 else 4))
        return super().correct(key, version, request, piece)

    def joined(self, request, answer):
        group = request.head().string()
        error, generation = answer.skip(4).number("h"), answer.number("i")
        if error == 0:
            self.generations[group] = max(generation, self.generations.get(group, 0))
            self.answered[group] = self.carrier.loop.time()

    async def turn_of(self, link, piece, writer):
        if writer is link.writers[0] or struct.unpack(">h", piece[4:6])[0] != JOIN_GROUP:
            return
        group = Reader(piece).head().string()
        while (wait := self.answered.get(group, 0) + self.PATIENCE[JOIN_GROUP] - self.carrier.loop.time()) > 0:
            await asyncio.sleep(wait)

    def refusal(self, link, piece, writer):
        if writer is link.writers[0] or struct.unpack(">hh", piece[4:8]) != (TXN_OFFSET_COMMIT, TXN_OFFSET_VERSION):
            return super().refusal(link, piece, writer)
        request = Reader(piece).head(is_flexible=True)
        request.compact()
        group = request.compact()
        generation = request.skip(10).number("i")
        if generation < 0 or generation >= self.generations.get(group, 0):
            return None
        NoidaDBProxy.refused += 1
        return refused_offsets(piece[8:12], request)


class Reader:
    """Goes through one message of the protocol, field by field."""

    def __init__(self, piece, at=4):
        self.piece = piece
        self.at = at

    def skip(self, count):
        self.at += count
        return self

    def number(self, form):
        size = struct.calcsize(form)
        self.at += size
        return struct.unpack(">" + form, self.piece[self.at - size : self.at])[0]

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.number("B")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def string(self):
        length = max(self.number("h"), 0)
        return self.skip(length).piece[self.at - length : self.at]

    def compact(self):
        length = max(self.varint() - 1, 0)
        return self.skip(length).piece[self.at - length : self.at]

    def head(self, is_flexible=False):
        """Past what every request begins with; without tagged fields, as librdkafka sends none."""
        self.skip(8).string()
        return self.skip(1 if is_flexible else 0)


def refused_offsets(correlation, request):
    """ILLEGAL_GENERATION for every partition of a TxnOffsetCommit that has been read up to its generation."""
    request.compact()
    request.compact()
    out = [correlation, b"\0", struct.pack(">i", 0)]
    topics = request.varint()
    out.append(bytes([topics]))
    for _ in range(topics - 1):
        name, partitions = request.compact(), request.varint()
        out += [bytes([len(name) + 1]), name, bytes([partitions])]
        for _ in range(partitions - 1):
            out.append(struct.pack(">ihb", request.number("i"), ILLEGAL_GENERATION, 0))
            request.skip(12).compact()
            request.skip(1)
        out.append(b"\0")
        request.skip(1)
    body = b"".join(out) + b"\0"
    return struct.pack(">i", len(body)) + body


def without_ended_transactions(piece):
    """An answer to a fetch, without the aborted transactions that ended before what it holds."""
    out, at = [piece[4:18]], 18
    topics, at = integer(piece, at, out)
    for _ in range(topics):
        length = struct.unpack(">h", piece[at : at + 2])[0]
        out.append(piece[at : at + 2 + length])
        partitions, at = integer(piece, at + 2 + length, out)
        for _ in range(partitions):
            out.append(piece[at : at + 30])
            count = struct.unpack(">i", piece[at + 30 : at + 34])[0]
            at += 34
            aborted = [struct.unpack(">qq", piece[at + 16 * n : at + 16 * n + 16]) for n in range(max(count, 0))]
            at += 16 * len(aborted)
            length = struct.unpack(">i", piece[at + 4 : at + 8])[0]
            end = at + 8 + max(length, 0)
            if count > 0:
                aborted = still_open(aborted, piece[at + 8 : end])
                count = len(aborted)
            out.append(struct.pack(">i", count) + b"".join(struct.pack(">qq", *entry) for entry in aborted))
            out.append(piece[at:end])
            at = end
    body = b"".join(out) + piece[at:]
    return struct.pack(">i", len(body)) + body


def integer(piece, at, out):
    out.append(piece[at : at + 4])
    return struct.unpack(">i", piece[at : at + 4])[0], at + 4


def still_open(aborted, records):
    """Those that begin within the records, and of those before them what the records' own markers say to be aborted."""
    at, first, ends = 0, None, {}
    while at + BATCH_HEAD <= len(records):
        offset, length = struct.unpack(">qi", records[at : at + 12])
        first = offset if first is None else first
        attributes = struct.unpack(">h", records[at + 21 : at + 23])[0]
        if attributes & CONTROL:
            producer = struct.unpack(">q", records[at + 43 : at + 51])[0]
            # One record: length, attributes, time, offset, length of the key, then its version and what it says.
            kind = struct.unpack(">h", records[at + BATCH_HEAD + 7 : at + BATCH_HEAD + 9])[0]
            ends.setdefault(producer, kind)
        at += 12 + length
    if first is None:
        return []
    before = {}
    for producer, offset in sorted(aborted):
        if offset < first and ends.get(producer) == 0:
            before[producer] = offset
    return sorted([*before.items(), *((producer, offset) for producer, offset in aborted if offset >= first)])
