"""A client in a process of its own; lines.ts says what it is asked and what it answers."""

import base64
import json
import os
import select
import sys
import threading

_printing = threading.Lock()


def answer(**what):
    line = json.dumps(what, separators=(",", ":")) + "\n"
    with _printing:
        sys.stdout.write(line)
        sys.stdout.flush()


def error_text(error):
    return str(error).replace("\n", " ")[:200]


def decode(text):
    return base64.b64decode(text)


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


class Task:
    def __init__(self, words):
        task = json.loads(words[1])
        self.role = task["role"]
        self.bootstrap = ",".join(task["bootstrap"])
        self.client_id = task["clientId"]
        self.topics = task["topics"]
        self.partitions = task["partitions"]
        self.idempotent = task["idempotent"]
        self.group = task["group"]


class Commands:
    """What was asked of the process: read without waiting longer than told."""

    def __init__(self):
        self.rest = b""
        self.has_ended = False

    def read(self, timeout):
        """The commands that have come within that time; none when there were none."""
        if self.has_ended or not select.select([0], [], [], timeout)[0]:
            return []
        data = os.read(0, 1 << 16)
        if not data:
            self.has_ended = True
            return []
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        return [json.loads(line) for line in lines]


def batches(records):
    """What goes on in the same partition together. `records`: topic, partition, offset, value."""
    out = []
    for topic, partition, offset, value in records:
        last = out[-1] if out else None
        goes_on = (
            last is not None
            and (last["topic"], last["partition"]) == (topic, partition)
            and offset > last["records"][-1][0]
        )
        if not goes_on:
            last = {
                "topic": topic,
                "partition": partition,
                "from": -1,
                "highWatermark": -1,
                "records": [],
            }
            out.append(last)
        last["records"].append([offset, encode(value)])
    return out


def serve(poll):
    """A consumer: answers each poll with what `poll` gives, until the input ends."""
    commands = Commands()
    while not commands.has_ended:
        for command in commands.read(1.0):
            if command["do"] == "poll":
                answer(**{"is": "polled", "batches": batches(poll())})
