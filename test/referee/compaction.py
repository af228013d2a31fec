"""Whether compaction explains that a replica lacks a record: of each key the last one must be there."""

from __future__ import annotations

from dataclasses import dataclass

from partition_log import Batch, Logs, PartitionLog, Replica


@dataclass(slots=True)
class Compaction:
    # Key → offsets of its records in one replica.
    held: list[dict[str, list[int]]]
    # Key → tombstones that may have been written.
    tombstones: dict[str, list[Batch]]
    logs: Logs

    def explains(self, index: int, value: str, offset: int | None) -> bool:
        """`index` of the replica; `offset` of the record, None if it is not known."""
        key = self.logs.key_of(value)
        if key is None:
            return False
        held = self.held[index].get(key, [])
        if offset is None:
            return len(held) > 0 or key in self.tombstones
        if any(at > offset for at in held):
            return True
        batch = self.logs.batches[value]
        if batch.tombstone:
            # It goes when all that it deletes has gone.
            return not any(at < offset for at in held)
        return any(self.may_follow(tombstone, key, offset) for tombstone in self.tombstones.get(key, []))

    def may_follow(self, tombstone: Batch, key: str, offset: int) -> bool:
        if not tombstone.offsets:
            return True
        last = len(tombstone.values) - 1
        return any(told + last > offset for told in tombstone.offsets)


def compaction_of(logs: Logs, log: PartitionLog) -> Compaction:
    tombstones: dict[str, list[Batch]] = {}
    for batch in log.batches:
        if batch.tombstone and not batch.failed:
            for key in batch.keys or []:
                tombstones.setdefault(key, []).append(batch)
    return Compaction([held_keys(logs, replica) for replica in log.replicas], tombstones, logs)


def held_keys(logs: Logs, replica: Replica) -> dict[str, list[int]]:
    held: dict[str, list[int]] = {}
    if not replica.compacted:
        return held
    for offset, value in replica.records.items():
        key = logs.key_of(value)
        if key is not None:
            held.setdefault(key, []).append(offset)
    return held
