"""A TCP proxy whose line can be cut, held silent or slowed, by orders from the test.

One event loop on a thread of its own carries all proxies of a test run. It changes no byte that it carries, but for one: a
`KafkaProxy` puts its own port in the place of the broker's, so that clients do not find their way around it.
"""

import asyncio
import contextlib
import struct
import threading

CHUNK = 1 << 16
FETCH, METADATA, OFFSET_FETCH, FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT, SYNC_GROUP, END_TXN = 1, 3, 9, 10, 11, 12, 14, 26
UNKNOWN_MEMBER_ID = 25


class Carrier:
    """The event loop that carries the proxies."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, work, seconds=20):
        """Runs a coroutine there and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class Link:
    """One client's connection and its own connection to the target."""

    def __init__(self, proxy, client, target):
        self.proxy = proxy
        self.writers = [client, target]
        self.is_coordinator = False
        self.awaited = {}
        self.flows = asyncio.Event()

    def judge(self):
        is_held = self.proxy.is_silent or (self.proxy.is_coordinator_silent and self.is_coordinator)
        if is_held:
            self.flows.clear()
        else:
            self.flows.set()

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()
        self.flows.set()


class TCPProxy:
    """Carries connections to one local port.

    `cut` ends those that are there; `down` ends them and every new one; `silent` keeps them open and carries nothing, and what was
    sent meanwhile arrives afterwards, as TCP would have it; `slow` adds a delay to every piece, each way.
    """

    def __init__(self, carrier, target):
        self.carrier = carrier
        self.target = target
        self.links = set()
        self.is_down = False
        self.is_silent = False
        self.is_coordinator_silent = False
        self.delay = 0.0
        self.carried = 0
        self.server = carrier.do(self._listen())
        self.port = self.server.sockets[0].getsockname()[1]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def cut(self):
        self.carrier.do(self._cut())

    def down(self, is_down=True):
        self.carrier.do(self._set(is_down=is_down))
        if is_down:
            self.cut()

    def silent(self, is_silent=True):
        self.carrier.do(self._set(is_silent=is_silent))

    def slow(self, seconds):
        self.carrier.do(self._set(delay=seconds))

    def heal(self):
        """Everything flows again; connections held so far go on."""
        self.carrier.do(self._set(is_down=False, is_silent=False, is_coordinator_silent=False, delay=0.0))

    def close(self):
        self.carrier.do(self._close())

    async def _listen(self):
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _set(self, **state):
        for name, value in state.items():
            setattr(self, name, value)
        for link in self.links:
            link.judge()

    async def _cut(self):
        for link in list(self.links):
            link.cut()

    async def _close(self):
        self.server.close()
        await self._cut()

    async def _accept(self, reader, writer):
        if self.is_down:
            writer.transport.abort()
            return
        try:
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(self, writer, target_writer)
        link.judge()
        self.links.add(link)
        ways = [
            asyncio.create_task(self._carry(link, reader, target_writer, self.request)),
            asyncio.create_task(self._carry(link, target_reader, writer, self.response)),
        ]
        _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in left:
            way.cancel()
        link.cut()
        self.links.discard(link)

    async def _carry(self, link, reader, writer, seen):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while piece := await self.read(reader):
                piece, delay = seen(link, piece)
                await link.flows.wait()
                if delay:
                    await asyncio.sleep(delay)
                    await self.turn_of(link, piece, writer)
                    await link.flows.wait()
                if answer := self.refusal(link, piece, writer):
                    link.writers[0].write(answer)
                    continue
                self.carried += len(piece)
                writer.write(piece)
                await writer.drain()

    async def read(self, reader):
        return await reader.read(CHUNK)

    def request(self, _, piece):
        """What is carried on, and after what delay."""
        return piece, self.delay

    def response(self, _, piece):
        return piece, self.delay

    async def turn_of(self, link, piece, writer):
        """Waits until a piece that was held back may go."""

    def refusal(self, link, piece, writer):
        """The answer to a request that the target is not to see; None carries it on."""
        return None


class KafkaProxy(TCPProxy):
    """A proxy before one node of a Kafka cluster; it also knows which connections lead to the group's coordinator."""

    # Requests whose answers are looked into.
    WATCHED = frozenset({METADATA, FIND_COORDINATOR, OFFSET_FETCH, END_TXN})
    # While set, heartbeats are answered as by a group that has forgotten the member.
    forgets_member = False
    # For so many seconds the requests that end a transaction are kept from the broker, or the answers to them from the worker.
    requests_to_commit_held = answers_to_commit_held = 0.0
    # While set, the group's offsets are told as by a coordinator that was deposed before the first of them was committed.
    tells_first_offsets = False
    first_offsets = None
    # The proxies before the other nodes, and this one.
    peers = None

    def forget_member(self, forgets=True):
        self.forgets_member = forgets

    def lose_commits(self, requests=0.0, answers=0.0):
        self.carrier.do(self._set(requests_to_commit_held=requests, answers_to_commit_held=answers))

    def tell_first_offsets(self, tells=True):
        self.carrier.do(self._set(tells_first_offsets=tells))

    def silent_coordinator(self, is_silent=True):
        """Only what a member says to its group's coordinator, and the answers, are held."""
        self.carrier.do(self._set(is_coordinator_silent=is_silent))

    async def read(self, reader):
        head = await reader.readexactly(4)
        return head + await reader.readexactly(struct.unpack(">i", head)[0])

    def request(self, link, piece):
        key, version, correlation = struct.unpack(">hhi", piece[4:12])
        if key in self.WATCHED:
            link.awaited[correlation] = key, version, piece
        if key in (JOIN_GROUP, SYNC_GROUP, HEARTBEAT) and not link.is_coordinator:
            link.is_coordinator = True
            link.judge()
        held = self.requests_to_commit_held if key == END_TXN else 0.0
        return piece, self.delay + self.hold_back(key) + held

    def response(self, link, piece):
        awaited = link.awaited.pop(struct.unpack(">i", piece[4:8])[0], None)
        if not awaited:
            return piece, self.delay
        held = self.answers_to_commit_held if awaited[0] == END_TXN else 0.0
        return self.correct(*awaited, piece), self.delay + held

    def refusal(self, link, piece, writer):
        if not self.forgets_member or writer is link.writers[0] or struct.unpack(">hh", piece[4:8]) != (HEARTBEAT, 3):
            return None
        return struct.pack(">i", 10) + piece[8:12] + struct.pack(">ih", 0, UNKNOWN_MEMBER_ID)

    def hold_back(self, _):
        return 0.0

    def correct(self, key, version, request, piece):
        """The answer with this proxy's port in it, and its peers': a node's port follows its host, whatever the version."""
        if key in (METADATA, FIND_COORDINATOR):
            for proxy in self.peers or [self]:
                for host in (b"127.0.0.1", b"localhost"):
                    piece = piece.replace(host + struct.pack(">i", proxy.target), host + struct.pack(">i", proxy.port))
        if key == OFFSET_FETCH:
            self.first_offsets = self.first_offsets or piece
            if self.tells_first_offsets:
                return self.first_offsets[:4] + piece[4:8] + self.first_offsets[8:]
        return piece


class ClusterProxy:
    """The proxies before all nodes of a cluster, which do the same."""

    def __init__(self, carrier, targets):
        self.proxies = [KafkaProxy(carrier, target) for target in targets]
        for proxy in self.proxies:
            proxy.peers = self.proxies

    @property
    def address(self):
        return ",".join(proxy.address for proxy in self.proxies)

    def cut(self):
        self.each(KafkaProxy.cut)

    def down(self, is_down=True):
        self.each(KafkaProxy.down, is_down)

    def silent(self, is_silent=True):
        self.each(KafkaProxy.silent, is_silent)

    def silent_coordinator(self, is_silent=True):
        self.each(KafkaProxy.silent_coordinator, is_silent)

    def slow(self, seconds):
        self.each(KafkaProxy.slow, seconds)

    def heal(self):
        self.each(KafkaProxy.heal)

    def close(self):
        self.each(KafkaProxy.close)

    def forget_member(self, forgets=True):
        self.each(KafkaProxy.forget_member, forgets)

    def lose_commits(self, requests=0.0, answers=0.0):
        self.each(KafkaProxy.lose_commits, requests, answers)

    def tell_first_offsets(self, tells=True):
        self.each(KafkaProxy.tell_first_offsets, tells)

    def each(self, action, *arguments):
        for proxy in self.proxies:
            action(proxy, *arguments)
