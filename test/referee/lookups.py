"""ListOffsets, OffsetForLeaderEpoch, DeleteRecords, and refusals that had no reason."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from anomaly import Findings
from final_log import end_before, end_claims
from history import Operation
from partition_log import Logs, PartitionLog


def check_lookups(logs: Logs, log: PartitionLog, findings: Findings) -> None:
    acknowledged = [
        (batch.returned, batch.offsets[0] + len(batch.values)) for batch in log.batches if batch.offsets
    ]
    acknowledged.sort()
    check_latest(log, acknowledged, findings)
    check_earliest(log, findings)
    check_times(logs, log, findings)
    for operation in log.epoch_ends:
        if operation.ok:
            check_epoch_end(log, operation, findings)
    check_removes(log, findings)
    check_refusals(log, findings)


def check_latest(log: PartitionLog, acknowledged: list[tuple[int, int]], findings: Findings) -> None:
    floor, at = 0, 0
    for listed in sorted(log.lists, key=lambda operation: operation.invoked):
        while at < len(acknowledged) and acknowledged[at][0] < listed.invoked:
            floor = max(floor, acknowledged[at][1])
            at += 1
        if listed.ok and listed.call["at"] == -1 and 0 <= listed.call["offset"] < floor:
            findings.add("stale-offsets", log.name, listed.call["offset"], f"after {floor}, op {listed.id}")


def check_earliest(log: PartitionLog, findings: Findings) -> None:
    removed = sorted((o.returned, o.call["lowWatermark"]) for o in log.removes if o.ok)
    floor, at = 0, 0
    for listed in sorted(log.lists, key=lambda operation: operation.invoked):
        while at < len(removed) and removed[at][0] < listed.invoked:
            floor = max(floor, removed[at][1])
            at += 1
        told = listed.call["offset"]
        if not listed.ok or listed.call["at"] != -2:
            continue
        if 0 <= told < floor:
            findings.add("stale-offsets", log.name, told, f"below {floor} was removed, op {listed.id}")
        if log.drained and told > log.start:
            detail = f"ends with {log.start}, op {listed.id}"
            findings.add("log-start-regress", log.name, told, detail)


def check_times(logs: Logs, log: PartitionLog, findings: Findings) -> None:
    """The first record that is not older; −3: one than which none is newer."""
    queries = [o for o in log.lists if o.ok and (o.call["at"] >= 0 or o.call["at"] == -3)]
    if not queries or not log.drained:
        return
    stamped = stamps(logs, log)
    offsets = [offset for offset, _ in stamped]
    highest: list[int] = []
    for _, stamp in stamped:
        highest.append(max(stamp, highest[-1] if highest else stamp))
    of_offset = dict(stamped)
    for query in queries:
        check_time(log, query, offsets, highest, of_offset, findings)


def stamps(logs: Logs, log: PartitionLog) -> list[tuple[int, int]]:
    """(offset, time) of what is in the log at the end and was never below its start."""
    start = log.start_ever()
    found: list[tuple[int, int]] = []
    for value, places in log.final.items():
        batch = logs.batches.get(value)
        if batch is not None and batch.timestamp >= 0:
            found += [(offset, batch.timestamp) for offset in places if offset >= start]
    return sorted(found)


def check_time(
    log: PartitionLog,
    query: Operation,
    offsets: list[int],
    highest: list[int],
    of_offset: dict[int, int],
    findings: Findings,
) -> None:
    at, offset, told = query.call["at"], query.call["offset"], query.call["timestampMs"]

    def wrong(why: str) -> None:
        findings.add("wrong-offset-for-time", log.name, offset, f"{why}, at {at}, op {query.id}")

    if offset < 0:
        before = bisect_left(offsets, acknowledged_end(log, query.invoked))
        if before > 0 and (at == -3 or highest[before - 1] >= at):
            wrong("none, though there is one")
        return
    stamp = of_offset.get(offset)
    if stamp is not None and told >= 0 and stamp != told:
        wrong(f"its time is {stamp}, not {told}")
    if at >= 0:
        if stamp is not None and stamp < at:
            wrong(f"it is older, {stamp}")
        before = bisect_left(offsets, offset)
        if before > 0 and highest[before - 1] >= at:
            wrong("an earlier one is not older")
    elif stamp is not None:
        before = bisect_right(offsets, max(offset, acknowledged_end(log, query.invoked) - 1))
        if before > 0 and highest[before - 1] > stamp:
            wrong("there is a newer one")


def acknowledged_end(log: PartitionLog, place: int) -> int:
    return max((b.offsets[0] + len(b.values) for b in log.batches if b.offsets and b.returned < place), default=0)


def check_epoch_end(log: PartitionLog, operation: Operation, findings: Findings) -> None:
    """Where an epoch ends no later one has begun before."""
    asked, end = operation.call["epoch"], operation.call["endOffset"]
    epoch = operation.call["endEpoch"]
    if end < 0 or not log.drained:
        return
    if epoch > asked:
        findings.add("wrong-epoch-end", log.name, end, f"epoch {epoch} for {asked}, op {operation.id}")
    for replica in log.replicas:
        for offset, of in replica.epochs.items():
            if of > asked and offset < end:
                detail = f"{offset} is of {of}, asked {asked}, op {operation.id}"
                findings.add("wrong-epoch-end", log.name, end, detail)
                return


def check_removes(log: PartitionLog, findings: Findings) -> None:
    for remove in log.removes:
        if not remove.ok:
            continue
        low, asked = remove.call["lowWatermark"], remove.call["offset"]
        if 0 <= low < asked:
            findings.add("remove-lost", log.name, low, f"asked {asked}, op {remove.id}")
        if log.drained and log.start < low:
            findings.add("remove-lost", log.name, low, f"the log begins at {log.start}, op {remove.id}")


REFUSALS = {
    "OFFSET_OUT_OF_RANGE": "spurious-out-of-range",
    # A reader's epoch of what it was given before, which is committed, is nobody's any more.
    "DIVERGING_EPOCH": "diverged-committed",
}


def check_refusals(log: PartitionLog, findings: Findings) -> None:
    """Refusals of an offset between the front and the end that were told before."""
    claims = end_claims(log)
    start = log.start_ever()
    for poll in log.polls:
        kind = REFUSALS.get(poll.err)
        if kind is None or poll.ok:
            continue
        asked = poll.call["from"]
        if asked >= max(start, 0) and asked <= end_before(claims, poll.invoked):
            findings.add(kind, log.name, asked, f"op {poll.id}")
