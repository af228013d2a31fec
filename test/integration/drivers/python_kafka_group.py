"""A group member by python3-kafka (kafka-python 2.0.2); group_member.py says what it prints."""

from group_member import Member, main
from kafka import ConsumerRebalanceListener, KafkaConsumer


class Listener(ConsumerRebalanceListener):
    def __init__(self, member):
        self.member = member

    def on_partitions_revoked(self, revoked):
        self.member.owns([])

    def on_partitions_assigned(self, assigned):
        self.member.owns([p.partition for p in assigned])


def consume(member: Member):
    args = member.args
    client = KafkaConsumer(
        bootstrap_servers=args.bootstrap,
        group_id=args.group,
        auto_offset_reset="earliest",
        enable_auto_commit=True,
        auto_commit_interval_ms=200,
        session_timeout_ms=args.session,
        heartbeat_interval_ms=300,
        metadata_max_age_ms=1000,
    )
    listener = Listener(member)
    if args.pattern:
        client.subscribe(pattern=args.pattern, listener=listener)
    else:
        client.subscribe([args.topic], listener=listener)
    while not member.told_to_leave():
        for batch in client.poll(timeout_ms=100).values():
            for m in batch:
                member.read(m.partition, m.offset)
    client.close()


main(consume)
