"""python3-confluent-kafka (on librdkafka) as a process; driver.py says what it is asked."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from driver import Args, Record, consumed, fail, load, main, produced

TIMESTAMP = 1


def producer(args, idempotent):
    return Producer(
        {
            "bootstrap.servers": args.bootstrap,
            "enable.idempotence": idempotent,
            "acks": "all",
            # librdkafka leaves a small batch alone when compressing gains nothing.
            "linger.ms": 1000 if args.compression else 2,
            "compression.type": args.compression or "none",
            "retry.backoff.ms": 50,
            "message.timeout.ms": 60000,
            "topic.metadata.refresh.interval.ms": 2000,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
        }
    )


def produce(args: Args):
    client = producer(args, True)
    out = {}

    def report(i):
        def done(error, m):
            if error:
                fail("delivery: %s" % error)
            out[i] = (m.partition(), m.offset(), m.timestamp()[TIMESTAMP])

        return done

    for i, r in enumerate(args.records()):
        extra = {} if r.partition is None else {"partition": r.partition}
        if r.timestamp is not None:
            extra["timestamp"] = r.timestamp
        client.produce(
            args.topic, value=r.value, key=r.key, headers=r.headers, on_delivery=report(i), **extra
        )
        client.poll(0)
    if client.flush(60):
        fail("records are left in the queue")
    for i in sorted(out):
        produced(*out[i])


def consume(args: Args):
    client = Consumer(
        {
            "bootstrap.servers": args.bootstrap,
            "group.id": "unused",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )
    topic = client.list_topics(args.topic, timeout=30).topics[args.topic]
    ends = {
        p: client.get_watermark_offsets(TopicPartition(args.topic, p), timeout=30)
        for p in topic.partitions
    }
    client.assign([TopicPartition(args.topic, p, OFFSET_BEGINNING) for p in ends])
    open_parts = {p: end for p, (start, end) in ends.items() if end > start}
    deadline = time.time() + 60
    while open_parts:
        if time.time() > deadline:
            fail("timed out waiting for %s" % open_parts)
        m = client.poll(0.5)
        if m is None:
            continue
        if m.error():
            fail("poll: %s" % m.error())
        consumed(
            Record(
                m.partition(), m.offset(), m.timestamp()[TIMESTAMP], m.key(), m.value(), m.headers()
            )
        )
        if m.offset() + 1 >= open_parts.get(m.partition(), 0):
            open_parts.pop(m.partition(), None)
    client.close()


class Load:
    def __init__(self, args):
        self.args, self.client = args, producer(args, args.idempotent)

    def send(self, partition, value, done):
        def report(error, m):
            done(None if error else m.offset(), error)

        while True:
            try:
                return self.client.produce(
                    self.args.topic, value=value, partition=partition, on_delivery=report
                )
            except BufferError:
                self.client.poll(0.05)

    def pump(self):
        self.client.poll(0)

    def close(self):
        self.client.flush(60)


main({"produce": produce, "consume": consume, "load": lambda args: load(args, Load)})
