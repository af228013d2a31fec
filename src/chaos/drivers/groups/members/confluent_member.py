"""A group member by python3-confluent-kafka (librdkafka)."""

from confluent_kafka import Consumer, KafkaException, TopicPartition
from member import arguments, serve


class Member:
    def __init__(self, args):
        self.held = set()
        incremental = args.strategy == "cooperative-sticky"
        self.client = Consumer(
            {
                "bootstrap.servers": args.bootstrap,
                "group.id": args.group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "session.timeout.ms": args.session,
                "heartbeat.interval.ms": 500,
                "topic.metadata.refresh.interval.ms": 2000,
                "fetch.wait.max.ms": 200,
                "reconnect.backoff.max.ms": 1000,
                "partition.assignment.strategy": args.strategy,
                "log_level": 0,
            }
        )

        def assigned(_, given):
            if not incremental:
                self.held.clear()
            self.held.update((p.topic, p.partition) for p in given)

        def revoked(_, taken):
            if incremental:
                self.held.difference_update((p.topic, p.partition) for p in taken)
            else:
                self.held.clear()

        topics = args.topics.split(",")
        self.client.subscribe(topics, on_assign=assigned, on_revoke=revoked, on_lost=revoked)

    def poll(self, seconds):
        messages = self.client.consume(num_messages=500, timeout=seconds)
        for m in messages:
            if m.error() is None:
                yield m.topic(), m.partition(), m.offset(), m.value()

    def owned(self):
        partitions = sorted([topic, partition] for topic, partition in self.held)
        return {"member": "", "generation": -1, "partitions": partitions}

    def commit(self, offsets):
        asked = [TopicPartition(topic, partition, offset) for topic, partition, offset, _ in offsets]
        for done in self.client.commit(offsets=asked, asynchronous=False):
            if done.error is not None:
                raise KafkaException(done.error)

    def leave(self):
        self.client.close()


serve(Member(arguments()))
