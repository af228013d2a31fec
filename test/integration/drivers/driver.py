"""What every client driver is asked on its command line, reads on its standard input and prints.

  DRIVER produce --bootstrap B --topic T [--compression C]
      one JSON record a line in; one {partition, offset, timestamp} out for each
  DRIVER consume --bootstrap B --topic T
      one JSON record a line out, from the first offset to the end
  DRIVER load --bootstrap B --topic T --partitions N --producer NAME --rate R [--idempotent]
      sends the values NAME:SEQ in turn to every partition, until its standard input closes; prints
      "ack NAME PARTITION SEQ OFFSET MS" (MS: wall clock) for each that was acknowledged and
      "err NAME PARTITION SEQ REASON" for each that failed; after a failure it goes on with a new
      client and a new NAME

Keys, values and header values travel as base64, null as null.
"""

import argparse
import base64
import json
import select
import sys
import threading
import time
from collections import namedtuple

Record = namedtuple("Record", "partition offset timestamp key value headers")


class Args(argparse.Namespace):
    @staticmethod
    def records():
        for line in sys.stdin:
            r = json.loads(line)
            yield Record(
                r.get("partition"),
                None,
                r.get("timestamp"),
                decode(r.get("key")),
                decode(r.get("value")),
                [(k, decode(v)) for k, v in r.get("headers", [])],
            )


def decode(text):
    return None if text is None else base64.b64decode(text)


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def produced(partition, offset, timestamp):
    print(json.dumps({"partition": partition, "offset": offset, "timestamp": timestamp}))


def consumed(r):
    print(
        json.dumps(
            {
                "partition": r.partition,
                "offset": r.offset,
                "timestamp": r.timestamp,
                "key": encode(r.key),
                "value": encode(r.value),
                "headers": [[k, encode(v)] for k, v in r.headers or []],
            }
        )
    )


def fail(message):
    sys.stderr.write(message + "\n")
    sys.exit(1)


def load(args, make):
    """Sends at the rate asked for. A failed record may be there or not: a new name goes on."""
    lock, name, generation = threading.Lock(), args.producer, 0
    client, seq, started = make(args), 0, time.time()

    def reporter(partition, number, who):
        def done(offset, error):
            with lock:
                if error is None:
                    print(
                        "ack %s %d %d %d %.1f"
                        % (who, partition, number, offset, time.time() * 1000)
                    )
                else:
                    print(
                        "err %s %d %d %s" % (who, partition, number, str(error).replace("\n", " "))
                    )
                    failed.append(who)

        return done

    failed = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        due = int((time.time() - started) * args.rate)
        if seq >= due:
            client.pump()
            sys.stdout.flush()
            time.sleep(0.002)
            continue
        who = "%s.%d" % (name, generation)
        if who in failed:
            client.close()
            client, generation = make(args), generation + 1
            continue
        partition = seq % args.partitions
        try:
            client.send(partition, ("%s:%d" % (who, seq)).encode(), reporter(partition, seq, who))
        except Exception as error:
            reporter(partition, seq, who)(None, error)
        seq += 1
    client.close()
    print("sent %d" % seq)
    sys.stdout.flush()


def main(commands):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=sorted(commands))
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--compression")
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--producer", default="producer")
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--idempotent", action="store_true")
    args = parser.parse_args(namespace=Args())
    commands[args.command](args)
    sys.stdout.flush()
