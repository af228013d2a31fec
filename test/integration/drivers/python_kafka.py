"""python3-kafka (kafka-python 2.0.2) as a process; driver.py says what it is asked."""

from driver import Args, Record, consumed, fail, load, main, produced
from kafka import KafkaConsumer, KafkaProducer, TopicPartition


def producer(args, acks="all"):
    options = {"compression_type": args.compression} if args.compression else {}
    # One request in flight keeps the order through retries: this client knows no idempotence.
    return KafkaProducer(
        bootstrap_servers=args.bootstrap,
        acks=acks,
        retries=1000,
        retry_backoff_ms=50,
        max_in_flight_requests_per_connection=1,
        linger_ms=2,
        request_timeout_ms=15000,
        max_block_ms=30000,
        metadata_max_age_ms=2000,
        reconnect_backoff_ms=20,
        reconnect_backoff_max_ms=200,
        **options
    )


def produce(args: Args):
    client = producer(args)
    sent = []
    for r in args.records():
        sent.append(
            client.send(
                args.topic,
                value=r.value,
                key=r.key,
                headers=r.headers,
                partition=r.partition,
                timestamp_ms=r.timestamp,
            )
        )
    for future in sent:
        m = future.get(timeout=30)
        produced(m.partition, m.offset, m.timestamp)
    client.close()


def consume(args: Args):
    client = KafkaConsumer(
        bootstrap_servers=args.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        group_id=None,
    )
    parts = [
        TopicPartition(args.topic, p) for p in sorted(client.partitions_for_topic(args.topic) or [])
    ]
    if not parts:
        fail("no partitions of " + args.topic)
    client.assign(parts)
    client.seek_to_beginning(*parts)
    ends = client.end_offsets(parts)
    while any(client.position(p) < ends[p] for p in parts):
        for batch in client.poll(timeout_ms=500).values():
            for m in batch:
                consumed(Record(m.partition, m.offset, m.timestamp, m.key, m.value, m.headers))
    client.close()


class Load:
    """A send reports by calling back, so that many can be under way."""

    def __init__(self, args):
        self.args, self.client = args, producer(args)

    def send(self, partition, value, done):
        future = self.client.send(self.args.topic, value=value, partition=partition)
        future.add_callback(lambda m: done(m.offset, None))
        future.add_errback(lambda e: done(None, e))

    def pump(self):
        pass

    def close(self):
        self.client.flush(timeout=60)
        self.client.close(timeout=10)


main({"produce": produce, "consume": consume, "load": lambda args: load(args, Load)})
