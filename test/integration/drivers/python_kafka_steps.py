"""First steps of kafka-python 2.0.2, each a command; what it found goes out as one JSON line.

  partitioner TOPIC   a class of one's own decides the partition
  settings TOPIC      the settings of a careful producer, and what each send came back with
  callbacks TOPIC     success and failure are called back
  polls TOPIC         how many records a poll brings; the beginning, the end, offset 2
  none TOPIC          a new group that may not begin anywhere
"""

import json
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import NoOffsetForPartitionError

BOOTSTRAP, COMMAND, TOPIC = sys.argv[1:4]


def to_json(value):
    return json.dumps(value).encode()


class CustomPartitioner:
    """Users with an even number at the end go to the first partition, others to the last."""

    def partition(self, key, all_partitions, available_partitions):
        even = key is not None and int(key[-1:]) % 2 == 0
        return all_partitions[0] if even else all_partitions[-1]


def partitioner():
    producer = KafkaProducer(
        bootstrap_servers=[BOOTSTRAP],
        key_serializer=str.encode,
        value_serializer=to_json,
        partitioner=CustomPartitioner().partition,
    )
    sent = [producer.send(TOPIC, key="user_%d" % i, value={"n": i}) for i in range(4)]
    return [future.get(timeout=10).partition for future in sent]


def settings():
    producer = KafkaProducer(
        bootstrap_servers=[BOOTSTRAP],
        key_serializer=str.encode,
        value_serializer=to_json,
        acks="all",
        retries=3,
        max_in_flight_requests_per_connection=1,
        compression_type="gzip",
        linger_ms=10,
        batch_size=16384,
        buffer_memory=33554432,
    )
    order = {"order_id": 1234, "user_id": 678, "total": 1499}
    placed = [producer.send(TOPIC, key="678", value=order).get(timeout=10) for _ in range(3)]
    producer.flush()
    producer.close()
    return [[p.topic, p.partition, p.offset] for p in placed]


def callbacks():
    heard = []
    producer = KafkaProducer(bootstrap_servers=[BOOTSTRAP], max_request_size=4_000_000)
    good = producer.send(TOPIC, b"small")
    good.add_callback(lambda placed: heard.append("offset %d" % placed.offset))
    bad = producer.send(TOPIC, b"x" * 2_000_000)
    bad.add_errback(lambda error: heard.append(type(error).__name__))
    producer.flush()
    producer.close()
    return sorted(heard)


def polls():
    part = TopicPartition(TOPIC, 0)
    consumer = KafkaConsumer(bootstrap_servers=[BOOTSTRAP], max_poll_records=3)
    consumer.assign([part])
    consumer.seek_to_beginning(part)
    found = {"first": consumer.position(part), "counts": [], "offsets": []}
    while len(found["offsets"]) < 10:
        records = consumer.poll(timeout_ms=1000).get(part, [])
        found["counts"].append(len(records))
        found["offsets"] += [r.offset for r in records]
    consumer.seek_to_end(part)
    found["last"] = consumer.position(part)
    found["empty"] = consumer.poll(timeout_ms=200) == {}
    consumer.seek(part, 2)
    found["sought"] = next(consumer).offset
    return found


def none():
    consumer = KafkaConsumer(
        TOPIC, bootstrap_servers=[BOOTSTRAP], group_id="none-of-it", auto_offset_reset="none"
    )
    try:
        while True:
            consumer.poll(timeout_ms=1000)
    except NoOffsetForPartitionError as error:
        return type(error).__name__


print(json.dumps(globals()[COMMAND]()))
