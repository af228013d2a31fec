"""All that a history says of each partition's log: what was sent, told, read, and held at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from history import INFINITY, Operation, number_of, topic_of


@dataclass(slots=True)
class Batch:
    """Records of one batch, with every attempt to send it."""

    partition: str
    values: list[str]
    keys: list[str] | None
    tombstone: bool
    producer: tuple[int, int, int] | None
    operations: list[Operation] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """It definitely was never written."""
        return all(operation.outcome == "fail" for operation in self.operations)

    @property
    def told(self) -> list[Operation]:
        """Attempts acknowledged by all in-sync replicas."""
        return [o for o in self.operations if o.ok and o.call.get("acks", -1) == -1]

    @property
    def offsets(self) -> list[int]:
        return sorted({o.call["offset"] for o in self.told if o.call.get("offset", -1) >= 0})

    @property
    def told_by_leader(self) -> int:
        """Offset told by the leader alone (acks 1) of what was sent once, or −1."""
        (first, *others) = self.operations
        if others or not first.ok or first.call["acks"] != 1 or first.attempts > 1:
            return -1
        return -1 if self.copies_max() > 1 else first.call["offset"]

    @property
    def invoked(self) -> int:
        return min(operation.invoked for operation in self.operations)

    @property
    def returned(self) -> int:
        return min((operation.returned for operation in self.told), default=INFINITY)

    @property
    def timestamp(self) -> int:
        return self.operations[0].call.get("timestampMs", -1)

    @property
    def idempotent(self) -> bool:
        return self.producer is not None and self.producer[0] != -1

    def copies_max(self) -> int:
        """How often each value may be in the log."""
        if any(operation.call.get("duplicates") == "allowed" for operation in self.operations):
            return INFINITY
        if self.idempotent:
            return 1
        if all(operation.ok for operation in self.operations):
            return sum(max(1, operation.attempts) for operation in self.operations)
        return INFINITY


@dataclass(slots=True)
class Replica:
    """Its log as it was drained."""

    node: int
    operation: Operation
    start: int
    end: int
    compacted: bool
    records: dict[int, str]
    epochs: dict[int, int]


@dataclass(slots=True)
class PartitionLog:
    name: str
    batches: list[Batch] = field(default_factory=list)
    polls: list[Operation] = field(default_factory=list)
    lists: list[Operation] = field(default_factory=list)
    epoch_ends: list[Operation] = field(default_factory=list)
    removes: list[Operation] = field(default_factory=list)
    replicas: list[Replica] = field(default_factory=list)
    # Offset → value → an operation that showed it there. Polls and drains alone.
    seen: dict[int, dict[str, Operation]] = field(default_factory=dict)
    epochs: dict[int, set[int]] = field(default_factory=dict)
    # Value → offsets at which it was read, and at which replicas hold it at the end.
    positions: dict[str, set[int]] = field(default_factory=dict)
    final: dict[str, set[int]] = field(default_factory=dict)

    @property
    def drained(self) -> bool:
        return len(self.replicas) > 0

    @property
    def compacted(self) -> bool:
        """Records with keys are sent only where it is: that tells when nothing was drained."""
        if not self.replicas:
            return any(batch.keys is not None for batch in self.batches)
        return any(replica.compacted for replica in self.replicas)

    @property
    def start(self) -> int:
        """The highest log start of the replicas."""
        return max((replica.start for replica in self.replicas), default=-1)

    @property
    def end(self) -> int:
        return max((replica.end for replica in self.replicas), default=-1)

    def start_ever(self) -> int:
        """The highest log start anybody was told of."""
        told = [self.start]
        told += [o.call.get("logStartOffset", -1) for o in self.polls if o.ok]
        told += [o.call.get("lowWatermark", -1) for o in self.removes if o.ok]
        told += [o.call["offset"] for o in self.lists if o.ok and o.call["at"] == -2]
        return max(told)

    def see(self, operation: Operation, records: list[list[Any]]) -> None:
        for record in records:
            offset, value, epoch = record
            self.seen.setdefault(offset, {}).setdefault(value, operation)
            self.positions.setdefault(value, set()).add(offset)
            if epoch >= 0:
                self.epochs.setdefault(offset, set()).add(epoch)


@dataclass(slots=True)
class Logs:
    partitions: dict[str, PartitionLog]
    # Each value belongs to one batch.
    batches: dict[str, Batch]
    # Batches whose partition was never told.
    unplaced: list[Batch]

    def key_of(self, value: str) -> str | None:
        batch = self.batches.get(value)
        if batch is None or batch.keys is None:
            return None
        return batch.keys[batch.values.index(value)]


def collect_logs(operations: list[Operation]) -> Logs:
    partitions: dict[str, PartitionLog] = {}
    batches: dict[str, Batch] = {}
    of_partition = ("poll", "list", "epochEnd", "remove", "drain")

    def log_of(name: str) -> PartitionLog:
        if name not in partitions:
            partitions[name] = PartitionLog(name)
        return partitions[name]

    for operation in operations:
        if operation.f == "append":
            add_attempt(batches, operation)
        elif operation.f in of_partition:
            add_reading(log_of(operation.call["partition"]), operation)
    unplaced: list[Batch] = []
    for batch in {id(batch): batch for batch in batches.values()}.values():
        if number_of(batch.partition) < 0:
            unplaced.append(batch)
        else:
            log_of(batch.partition).batches.append(batch)
    return Logs(partitions, batches, unplaced)


def add_attempt(batches: dict[str, Batch], operation: Operation) -> None:
    call = operation.call
    values: list[str] = call["values"]
    if not values:
        return
    batch = batches.get(values[0])
    if batch is None:
        producer = call.get("producer")
        key = None if producer is None else (producer["id"], producer["epoch"], producer["baseSequence"])
        batch = Batch(call["partition"], values, call.get("keys"), call.get("tombstone", False), key)
        for value in values:
            batches[value] = batch
    batch.operations.append(operation)
    if operation.ok:
        batch.partition = call["partition"]
        producer = call.get("producer")
        if producer is not None:
            batch.producer = (producer["id"], producer["epoch"], producer["baseSequence"])


def add_reading(log: PartitionLog, operation: Operation) -> None:
    lists = {"poll": log.polls, "list": log.lists, "epochEnd": log.epoch_ends, "remove": log.removes}
    if operation.f in lists:
        lists[operation.f].append(operation)
    if not operation.ok:
        return
    if operation.f == "poll":
        log.see(operation, operation.call["records"])
    if operation.f == "drain":
        call = operation.call
        log.see(operation, call["records"])
        replica = Replica(
            operation.node,
            operation,
            max(0, call["logStartOffset"]),
            call["highWatermark"],
            call.get("compacted", False),
            {offset: value for offset, value, _ in call["records"]},
            {offset: epoch for offset, _, epoch in call["records"]},
        )
        log.replicas.append(replica)
        for offset, value in replica.records.items():
            log.final.setdefault(value, set()).add(offset)


def same_topic(batch: Batch, partition: str) -> bool:
    """Whether a value of `batch` may be in `partition`."""
    if number_of(batch.partition) < 0:
        return topic_of(batch.partition) == topic_of(partition)
    return batch.partition == partition
