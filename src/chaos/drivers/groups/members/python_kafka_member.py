"""A group member by python3-kafka (kafka-python 2.0.2)."""

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from member import arguments, serve


class Member(ConsumerRebalanceListener):
    def __init__(self, args):
        self.held = []
        self.client = KafkaConsumer(
            bootstrap_servers=args.bootstrap.split(","),
            group_id=args.group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=args.session,
            heartbeat_interval_ms=500,
            max_poll_interval_ms=300000,
            metadata_max_age_ms=2000,
            fetch_max_wait_ms=200,
            request_timeout_ms=max(20000, args.session + 10000),
        )
        self.client.subscribe(args.topics.split(","), listener=self)

    def on_partitions_revoked(self, revoked):
        self.held = []

    def on_partitions_assigned(self, assigned):
        self.held = sorted([p.topic, p.partition] for p in assigned)

    def poll(self, seconds):
        for batch in self.client.poll(timeout_ms=int(seconds * 1000)).values():
            for m in batch:
                yield m.topic, m.partition, m.offset, m.value

    def membership(self):
        # Private, but the only way to know; without it nothing is told.
        known = getattr(self.client._coordinator, "_generation", None)
        member = getattr(known, "member_id", "") or ""
        return {"member": member, "generation": getattr(known, "generation_id", -1)}

    def owned(self):
        # Between JoinGroup and SyncGroup it holds nothing, and the generation is not settled yet.
        known = self.membership()
        generation = known["generation"] if self.held else -1
        return {"member": known["member"], "generation": generation, "partitions": self.held}

    def commit(self, offsets):
        before = self.membership()
        self.client.commit(
            {
                TopicPartition(topic, partition): OffsetAndMetadata(offset, tag)
                for topic, partition, offset, tag in offsets
            }
        )
        return before if before == self.membership() else None

    def leave(self):
        self.client.close(autocommit=False)


serve(Member(arguments()))
