"""The final drain makes it total: what was acknowledged or read is there, on every replica alike."""

from __future__ import annotations

from anomaly import Findings
from compaction import Compaction, compaction_of
from history import topic_of
from partition_log import Batch, Logs, PartitionLog, Replica


def check_final_log(logs: Logs, log: PartitionLog, findings: Findings) -> None:
    if not log.drained:
        return
    compaction = compaction_of(logs, log)
    check_replicas(log, findings)
    for replica in log.replicas:
        check_holes(log, replica, findings)
    claims = end_claims(log)
    for batch in log.batches:
        if batch.told:
            for index in range(len(batch.values)):
                check_kept(logs, log, compaction, batch, index, claims, findings)
        check_whole(log, batch, findings)
    check_read_kept(logs, log, compaction, findings)


def check_replicas(log: PartitionLog, findings: Findings) -> None:
    start = log.start
    truth: dict[int, str] = {}
    for replica in log.replicas:
        if replica.end != log.end:
            detail = f"{replica.node} ends at {replica.end}"
            findings.add("replica-divergence", log.name, log.end, detail)
        if max(replica.records, default=-1) >= replica.end:
            findings.add("above-high-watermark", log.name, replica.end, f"dump of {replica.node}")
    for replica in log.replicas:
        for offset, value in replica.records.items():
            if offset < start:
                continue
            known = truth.setdefault(offset, value)
            if known != value:
                findings.add("replica-divergence", log.name, offset, f"{known} and {value}")
    for replica in log.replicas:
        if replica.compacted:
            continue
        for offset, value in truth.items():
            if offset < replica.end and offset not in replica.records:
                findings.add(
                    "replica-divergence", log.name, offset, f"{value} is not on {replica.node}"
                )


def check_holes(log: PartitionLog, replica: Replica, findings: Findings) -> None:
    """Nothing but compaction makes holes: these histories have no transactions."""
    if replica.compacted:
        return
    expected = replica.start
    for offset in sorted(replica.records):
        if offset < replica.start:
            continue
        if offset != expected:
            findings.add("offset-hole", log.name, expected, f"up to {offset} on {replica.node}")
        expected = offset + 1
    if expected < replica.end:
        findings.add("offset-hole", log.name, expected, f"up to its end on {replica.node}")
    epoch = -1
    for offset in sorted(replica.epochs):
        if 0 <= replica.epochs[offset] < epoch:
            findings.add("epoch-order", log.name, offset, f"epoch {replica.epochs[offset]} after {epoch}")
        epoch = max(epoch, replica.epochs[offset])


def end_claims(log: PartitionLog) -> list[tuple[int, int]]:
    """(place, lower bound of the log's end from there on), ascending in both."""
    raw = [(b.returned, b.offsets[0] + len(b.values)) for b in log.batches if b.told and b.offsets]
    for poll in log.polls:
        if poll.ok:
            last = max((record[0] for record in poll.call["records"]), default=-1)
            raw.append((poll.returned, max(poll.call["highWatermark"], last + 1)))
    raw.sort()
    claims: list[tuple[int, int]] = []
    for place, end in raw:
        if not claims or end > claims[-1][1]:
            claims.append((place, end))
    return claims


def end_before(claims: list[tuple[int, int]], place: int) -> int:
    """The highest end told before `place`."""
    low, high = 0, len(claims)
    while low < high:
        middle = (low + high) // 2
        if claims[middle][0] < place:
            low = middle + 1
        else:
            high = middle
    return claims[low - 1][1] if low > 0 else 0


def check_kept(
    logs: Logs,
    log: PartitionLog,
    compaction: Compaction,
    batch: Batch,
    index: int,
    claims: list[tuple[int, int]],
    findings: Findings,
) -> None:
    """`lost-write`: acknowledged by all, and not in the log where nothing has taken it."""
    value = batch.values[index]
    at = known_offset(log, batch, index)
    if value not in log.final:
        if at is None:
            removed = log.start > 0 and end_before(claims, batch.invoked) < log.start
        else:
            removed = at < log.start
        explained = all(
            replica.compacted and compaction.explains(number, value, at)
            for number, replica in enumerate(log.replicas)
        )
        if not removed and not explained:
            findings.add("lost-write", log.name, -1 if at is None else at, value)
        return
    for number, replica in enumerate(log.replicas):
        offset = min(log.final[value])
        if offset in replica.records or not log.start <= offset < replica.end:
            continue
        if not (replica.compacted and compaction.explains(number, value, offset)):
            findings.add("lost-write", log.name, offset, f"{value} on {replica.node}")


def known_offset(log: PartitionLog, batch: Batch, index: int) -> int | None:
    if batch.offsets:
        return batch.offsets[-1] + index
    read = log.positions.get(batch.values[index])
    return max(read) if read else None


def check_whole(log: PartitionLog, batch: Batch, findings: Findings) -> None:
    """A batch is written whole, at consecutive offsets."""
    if log.compacted or len(batch.values) < 2:
        return
    places = [log.final.get(value) for value in batch.values]
    if any(place is not None and len(place) > 1 for place in places):
        return
    offsets = [None if place is None else next(iter(place)) for place in places]
    anchor = next((o - i for i, o in enumerate(offsets) if o is not None), None)
    if anchor is None:
        return
    for index, offset in enumerate(offsets):
        if offset is None and anchor + index >= log.start:
            findings.add("torn-batch", log.name, anchor + index, batch.values[index])
        elif offset is not None and offset != anchor + index:
            findings.add("int-nonmonotonic-send", log.name, offset, batch.values[index])


def check_read_kept(logs: Logs, log: PartitionLog, compaction: Compaction, findings: Findings) -> None:
    """What a consumer was given is committed, and stays."""
    start = log.start
    for offset, values in log.seen.items():
        if offset < start:
            continue
        for value in values:
            if value in log.final:
                continue
            if log.compacted and all(
                compaction.explains(number, value, offset) for number in range(len(log.replicas))
            ):
                continue
            findings.add("read-then-lost", log.name, offset, value)


def check_unplaced(logs: Logs, findings: Findings) -> None:
    """Acknowledged, in a partition that was not told: it must be in one of the topic's."""
    of_topic: dict[str, list[PartitionLog]] = {}
    for log in logs.partitions.values():
        of_topic.setdefault(topic_of(log.name), []).append(log)
    for batch in logs.unplaced:
        partitions = of_topic.get(topic_of(batch.partition), [])
        total = partitions and all(l.drained and l.start == 0 and not l.compacted for l in partitions)
        if not batch.told or not total:
            continue
        for value in batch.values:
            if not any(value in log.final for log in partitions):
                findings.add("lost-write", batch.partition, -1, value)
