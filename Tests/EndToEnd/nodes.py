"""The brokers of the cluster under test, where somebody gave the means to stop them.

`OTP_TEST_KAFKA_NODE` names a command: `COMMAND kill N` ends the N-th broker at once, and `COMMAND start N` starts it again and returns
once it serves. They are numbered from 1.
"""

import os
import shlex
import subprocess
import threading

from confluent_kafka.admin import AdminClient

COMMAND = shlex.split(os.environ.get("OTP_TEST_KAFKA_NODE", ""))
SECONDS = 120


def run(action, number):
    done = subprocess.run([*COMMAND, action, str(number)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, f"{action} {number}: {done.stdout}{done.stderr}"


class Nodes:
    """The brokers, of which one at a time is down."""

    def __init__(self, brokers):
        self.admin = AdminClient({"bootstrap.servers": brokers})
        self.count = len(self.admin.list_topics(timeout=30).brokers)
        self.down = None
        self.returning = None
        self.next = 0

    def kill(self, number=None):
        """Kills one, or the next in turn; none while another is down or not back in its place. Returns which."""
        if self.down is not None or (self.returning and self.returning.is_alive()):
            return None
        self.next = self.next % self.count + 1
        self.down = number or self.next
        run("kill", self.down)
        return self.down

    def start(self):
        """Begins to bring back the one that is down."""
        if self.down is None:
            return
        number, self.down = self.down, None
        self.returning = threading.Thread(target=run, args=("start", number))
        self.returning.start()

    def restore(self):
        """All are there."""
        self.start()
        if self.returning:
            self.returning.join(SECONDS)

    def leaders(self, topic):
        """The broker that leads each partition, as far as any does."""
        partitions = self.admin.list_topics(topic, timeout=30).topics[topic].partitions
        return {number: partition.leader for number, partition in partitions.items()}

    def coordinator(self, group):
        """The broker that coordinates a group."""
        return self.admin.describe_consumer_groups([group])[group].result(30).coordinator.id
