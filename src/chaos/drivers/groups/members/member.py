"""The loop of every member in Python; PROTOCOL.md says what it is asked and answers."""

import argparse
import base64
import json
import os
import sys


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topics", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--session", type=int, default=6000)
    parser.add_argument("--strategy", default="range")
    return parser.parse_args()


def grouped(records):
    """Of (topic, partition, offset, value): [[topic, partition, [[offset, base64], …]], …]."""
    found = {}
    for topic, partition, offset, value in records:
        text = None if value is None else base64.b64encode(value).decode()
        found.setdefault((topic, partition), []).append([offset, text])
    return [[topic, partition, seen] for (topic, partition), seen in found.items()]


def serve(member):
    """`member` has poll(seconds), owned(), commit(offsets) and leave(); commit may
    give in whose name it was sent."""
    told = None
    for line in sys.stdin:
        question = json.loads(line)
        answer = {"n": question["n"]}
        try:
            if question["ask"] == "poll":
                answer["records"] = grouped(member.poll(question["waitMs"] / 1000))
            elif question["ask"] == "commit":
                answer.update(member.commit(question["offsets"]) or {})
            else:
                member.leave()
                os._exit(0)
        except Exception as error:  # whatever the client has to say
            answer["error"] = "%s: %s" % (type(error).__name__, error)
        owned = member.owned()
        if question["ask"] == "poll" and owned != told:
            told = owned
            answer["owned"] = owned
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    os._exit(0)
