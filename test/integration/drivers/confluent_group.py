"""A group member by python3-confluent-kafka (librdkafka); group_member.py says what it prints."""

from confluent_kafka import Consumer
from group_member import Member, main


def consume(member: Member):
    args = member.args
    client = Consumer(
        {
            "bootstrap.servers": args.bootstrap,
            "group.id": args.group,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 200,
            "session.timeout.ms": args.session,
            "heartbeat.interval.ms": 300,
            "topic.metadata.refresh.interval.ms": 1000,
            "fetch.wait.max.ms": 100,
            "partition.assignment.strategy": args.strategy,
        }
    )
    incremental = args.strategy == "cooperative-sticky"
    owned = set()

    def assigned(consumer, given):
        if not incremental:
            owned.clear()
        owned.update(p.partition for p in given)
        member.owns(owned)

    def revoked(consumer, taken):
        owned.difference_update([p.partition for p in taken] if incremental else list(owned))
        member.owns(owned)

    topics = ["^" + args.pattern] if args.pattern else [args.topic]
    client.subscribe(topics, on_assign=assigned, on_revoke=revoked)
    while not member.told_to_leave():
        m = client.poll(0.1)
        if m is not None and m.error() is None:
            member.read(m.partition(), m.offset())
    client.close()


main(consume)
