"""One value at each offset, each value at one offset, and offsets in real time's order."""

from __future__ import annotations

from anomaly import Findings
from partition_log import Batch, Logs, PartitionLog, same_topic


def check_offsets(logs: Logs, log: PartitionLog, findings: Findings) -> None:
    check_values(logs, log, findings)
    check_consistent(log, findings)
    check_copies(logs, log, findings)
    for batch in log.batches:
        check_told(log, batch, findings)
    check_real_time(log, findings)


def check_values(logs: Logs, log: PartitionLog, findings: Findings) -> None:
    """Only what was sent here, not refused, and sent before it was read."""
    for offset, values in log.seen.items():
        for value, operation in values.items():
            batch = logs.batches.get(value)
            if batch is None or not same_topic(batch, log.name):
                findings.add("unwritten-value", log.name, offset, f"{value}, never sent here")
            elif batch.failed:
                findings.add("aborted-read", log.name, offset, f"{value}, which was refused")
            elif operation.returned < batch.invoked:
                findings.add("read-before-write", log.name, offset, value)


def check_consistent(log: PartitionLog, findings: Findings) -> None:
    values: dict[int, set[str]] = {offset: set(there) for offset, there in log.seen.items()}
    for batch in log.batches:
        for base in batch.offsets:
            for index, value in enumerate(batch.values):
                values.setdefault(base + index, set()).add(value)
    for offset, there in values.items():
        if len(there) > 1:
            findings.add("inconsistent-offsets", log.name, offset, " and ".join(sorted(there)))
    for offset, epochs in log.epochs.items():
        if len(epochs) > 1:
            findings.add("inconsistent-offsets", log.name, offset, f"of epochs {sorted(epochs)}")


def check_copies(logs: Logs, log: PartitionLog, findings: Findings) -> None:
    for value, offsets in log.positions.items():
        batch = logs.batches.get(value)
        if batch is not None and len(offsets) > batch.copies_max():
            findings.add("duplicate", log.name, max(offsets), f"{value} at {sorted(offsets)}")


def check_told(log: PartitionLog, batch: Batch, findings: Findings) -> None:
    """The offset in an acknowledgement, also of a repeated batch, is where the records are."""
    offsets = batch.offsets
    if batch.idempotent and len(offsets) > 1:
        findings.add("wrong-ack-offset", log.name, offsets[-1], f"also told {offsets[0]}")
    by_leader = batch.told_by_leader
    for base in offsets if by_leader < 0 else [by_leader]:
        for index, value in enumerate(batch.values):
            read = log.positions.get(value)
            if read and base + index not in read:
                findings.add(
                    "wrong-ack-offset", log.name, base + index, f"{value} is at {sorted(read)}"
                )


def check_real_time(log: PartitionLog, findings: Findings) -> None:
    """What is appended after something was told comes after it in the log."""
    # (place, 0 a claim | 1 an append, offset or end, kind)
    events: list[tuple[int, int, int, str]] = []
    for batch in log.batches:
        if batch.offsets:
            events.append((batch.invoked, 1, batch.offsets[0], batch.values[0]))
            end = batch.offsets[0] + len(batch.values)
            events.append((batch.returned, 0, end, "realtime-order"))
    for poll in log.polls:
        if poll.ok:
            last = max((record[0] for record in poll.call["records"]), default=-1)
            events.append((poll.returned, 0, last + 1, "realtime-order"))
            events.append((poll.returned, 0, poll.call["highWatermark"], "early-high-watermark"))
    for listed in log.lists:
        if listed.ok and listed.call["at"] == -1:
            events.append((listed.returned, 0, listed.call["offset"], "early-high-watermark"))
    floors = {"realtime-order": 0, "early-high-watermark": 0}
    for _, side, offset, text in sorted(events):
        if side == 0:
            floors[text] = max(floors[text], offset)
            if log.drained and text == "early-high-watermark" and offset > log.end:
                findings.add(text, log.name, offset, f"the log ends at {log.end}")
            continue
        for kind, floor in floors.items():
            if offset < floor:
                findings.add(kind, log.name, offset, f"{text}, after {floor} was told")
