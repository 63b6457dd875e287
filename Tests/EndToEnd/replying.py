"""A request-reply client of Spring's protocol (`ReplyingKafkaTemplate`), over an independent Kafka client."""

import concurrent.futures
import json
import struct
import threading
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import harness


def create_topic(bench, name, partitions):
    admin = AdminClient({"bootstrap.servers": bench.brokers})
    for done in admin.create_topics([NewTopic(name, partitions, 1)]).values():
        done.result(30)
    # A cluster answers before its brokers know of them.
    harness.until(f"{name} is there", lambda: all(p.leader >= 0 for p in partitions_of(admin, name)) and len(partitions_of(admin, name)) == partitions)
    return name


def partitions_of(admin, name):
    return list(admin.list_topics(name, 10).topics[name].partitions.values())


def headers_of(message):
    return dict(message.headers() or [])


class Reader:
    """Reads every partition of a topic, or one, from its beginning, on a thread of its own."""

    def __init__(self, bench, topic, partitions, receive):
        self.consumer = Consumer(
            {
                "bootstrap.servers": bench.brokers,
                "group.id": f"{bench.prefix}.{topic}.reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )
        self.consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        self.receive = receive
        self.is_ending = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.is_ending.is_set():
            message = self.consumer.poll(0.1)
            if message and not message.error():
                self.receive(message)

    def close(self):
        self.is_ending.set()
        self.thread.join(10)
        self.consumer.close()


class ReplyingTemplate:
    """Sends commands that ask for their result on a topic, and completes each one's future by the correlation id alone.

    With a partition it reads, and asks for, that one only: in four bytes as Spring does, or as text, like NestJS.
    """

    def __init__(self, bench, reply_topic, partition=None, partitions=1, as_text=False):
        self.bench = bench
        self.reply_topic = reply_topic
        self.partition = partition
        self.as_text = as_text
        self.producer = Producer({"bootstrap.servers": bench.brokers, "partitioner": "murmur2_random"})
        self.pending = {}
        # Replies that nobody here waits for.
        self.strays = []
        self.lock = threading.Lock()
        mine = range(partitions) if partition is None else [partition]
        self.reader = Reader(bench, reply_topic, mine, self.receive)

    def send_and_receive(self, session, code, **more):
        correlation = uuid.uuid4().bytes
        future = concurrent.futures.Future()
        with self.lock:
            self.pending[correlation] = future
        headers = [("kafka_correlationId", correlation), ("kafka_replyTopic", self.reply_topic.encode())]
        if self.partition is not None:
            number = str(self.partition).encode() if self.as_text else struct.pack(">i", self.partition)
            headers.append(("kafka_replyPartition", number))
        key, value = harness.command(session, code, **more)
        self.producer.produce(self.bench.commands, value, key, headers=headers)
        self.producer.flush(10)
        return future

    def receive(self, message):
        with self.lock:
            future = self.pending.pop(headers_of(message).get("kafka_correlationId"), None)
        if future:
            future.set_result(json.loads(message.value()))
        else:
            self.strays.append(message)

    def close(self):
        self.reader.close()
