"""A small exactly-once worker on confluent-kafka and aiohttp, as a team might write it: what this project's worker is measured against.

Reads commands, asks with up to IN_FLIGHT calls under way on connections that are kept, and writes each result with its headers and the
consumed offset in one transaction, every 20 ms. A result waits until all before it in its partition are there, so that the offset speaks
for all of them: exactly one result per command, whatever crashes.

It has no ledger and no intents (a command that is read again is asked again), no order within a session, no retries and no deadlines.
Whatever goes wrong, losing a partition included, ends it with status 1.
"""

import argparse
import asyncio
import collections
import concurrent.futures
import dataclasses
import json
import os
import signal
import ssl
import sys
import time

import aiohttp
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

COMMIT_EVERY = 0.02
# So many commands are read ahead of the calls, and so many may be uncommitted before reading pauses.
AHEAD, UNCOMMITTED = 1_024, 8_192
WAIT = 30.0


@dataclasses.dataclass(slots=True)
class Command:
    message: Message
    received: float
    fields: dict[str, str]
    completed: float | None = None
    answer: dict[str, object] | None = None


def text_of(moment: float) -> str:
    whole, rest = divmod(int(moment * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{rest:03}Z"


def result(command: Command) -> tuple[dict[str, object], list[tuple[str, str]]]:
    """Value and headers, as the worker writes them."""
    message, fields = command.message, command.fields
    place = f"{message.topic()}/{message.partition()}/{message.offset()}"
    session, phone, completed = fields["otp_session_id"], fields["user_gsm"], text_of(command.completed)
    value = {
        "command_id": place,
        "otp_session_id": session,
        "status": "verified",
        "reason": "ok",
        "retryable": False,
        "in_doubt": False,
        "replayed": False,
        "code": command.answer["code"],
        "message": command.answer["message"],
        "http_status": 200,
        "calls": 1,
        "user_gsm": f"{phone[:3]}*****{phone[-2:]}",
        "received_at": text_of(command.received),
        "completed_at": completed,
        "source": {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()},
        "worker": "peer_python",
    }
    headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", f"{place}/result"),
        ("ce_source", "/otp-worker"),
        ("ce_type", "tr.com.paynet.otp.verification.v1"),
        ("ce_subject", session),
        ("ce_time", completed),
        ("content-type", "application/json"),
    ]
    return value, headers


class Peer:
    def __init__(self, given: argparse.Namespace):
        self.given = given
        self.waiting: collections.deque[Command] = collections.deque()
        # Of each partition what is not yet committed, oldest first.
        self.lanes: dict[int, collections.deque[Command]] = collections.defaultdict(collections.deque)
        self.calls: set[asyncio.Task[None]] = set()
        self.uncommitted = 0
        self.has_gone_on = asyncio.Event()
        self.is_ending = False
        self.threads = concurrent.futures.ThreadPoolExecutor(2)

    async def in_thread(self, function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)

    async def run(self) -> None:
        brokers = {"bootstrap.servers": self.given.brokers}
        self.producer = Producer(
            {**brokers, "transactional.id": self.given.group, "linger.ms": 1, "partitioner": "murmur2_random"}
        )
        await self.in_thread(self.producer.init_transactions, WAIT)
        reading = {"enable.auto.commit": False, "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
        reading["fetch.wait.max.ms"] = 100
        self.consumer = Consumer({**brokers, **reading, "group.id": self.given.group})
        self.consumer.subscribe([self.given.commands], on_assign=self.on_assign, on_revoke=self.on_revoke)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, setattr, self, "is_ending", True)
        trust = ssl.create_default_context(cafile=self.given.ca_file) if self.given.ca_file else True
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30, ssl=trust)
        headers = {
            "Authorization": f"Basic {os.environ['OTP_CHECK_OTP_SECRET_KEY']}",
            "Content-Type": "application/json; charset=UTF-8",
            "Accept": "application/json",
        }
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as self.http:
            async with asyncio.TaskGroup() as self.tasks:
                self.tasks.create_task(self.read())
                self.tasks.create_task(self.commit_finished())
        self.consumer.close()

    def on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            print("ready", flush=True)

    def on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions and not self.is_ending:
            raise RuntimeError("partitions were taken away")

    async def read(self) -> None:
        while not self.is_ending:
            if len(self.waiting) >= AHEAD or self.uncommitted >= UNCOMMITTED:
                self.has_gone_on.clear()
                await self.has_gone_on.wait()
                continue
            for message in await self.in_thread(self.consumer.consume, 500, 0.005):
                self.receive(message)
            self.start_calls()

    def receive(self, message: Message) -> None:
        if message.error():
            raise KafkaException(message.error())
        command = Command(message, time.time(), json.loads(message.value()))
        self.waiting.append(command)
        self.lanes[message.partition()].append(command)
        self.uncommitted += 1

    def start_calls(self) -> None:
        while self.waiting and len(self.calls) < self.given.in_flight:
            call = self.tasks.create_task(self.ask(self.waiting.popleft()))
            self.has_gone_on.set()
            self.calls.add(call)
            call.add_done_callback(self.end_call)

    def end_call(self, call: asyncio.Task[None]) -> None:
        self.calls.discard(call)
        if not call.cancelled():
            self.start_calls()

    async def ask(self, command: Command) -> None:
        fields = command.fields
        body = {name: fields[name] for name in ("user_gsm", "otp_session_id", "otp_code")}
        async with self.http.post(f"{self.given.url}/v1/card/check_otp", data=json.dumps(body)) as answer:
            command.answer = json.loads(await answer.read())
            if answer.status != 200 or command.answer["code"] != 0:
                raise RuntimeError(f"not verified: {answer.status} {command.answer}")
        command.completed = time.time()

    async def commit_finished(self) -> None:
        while self.uncommitted > 0 or not self.is_ending:
            await asyncio.sleep(COMMIT_EVERY)
            if batch := self.pop_finished():
                await self.in_thread(self.commit, batch)
                self.uncommitted -= len(batch)
                self.has_gone_on.set()

    def pop_finished(self) -> list[Command]:
        """What is finished at the head of each partition."""
        batch = []
        for lane in self.lanes.values():
            while lane and lane[0].completed:
                batch.append(lane.popleft())
        return batch

    def commit(self, batch: list[Command]) -> None:
        self.producer.begin_transaction()
        offsets = {}
        for command in batch:
            value, headers = result(command)
            content = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            self.producer.produce(self.given.results, content, command.fields["otp_session_id"], headers=headers)
            offsets[command.message.partition()] = command.message.offset() + 1
        places = [TopicPartition(self.given.commands, number, offset) for number, offset in offsets.items()]
        self.producer.send_offsets_to_transaction(places, self.consumer.consumer_group_metadata(), WAIT)
        self.producer.commit_transaction(WAIT)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("brokers", "commands", "results", "group", "url"):
        options.add_argument(name)
    options.add_argument("ca_file", type=lambda text: None if text == "-" else text, help="- over plain HTTP")
    options.add_argument("in_flight", type=int)
    asyncio.run(Peer(options.parse_args()).run())


if __name__ == "__main__":
    sys.exit(main())
