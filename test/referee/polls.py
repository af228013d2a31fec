"""What consumers are given: in order, nothing left out, nothing above the high watermark."""

from __future__ import annotations

from bisect import bisect_left

from anomaly import Findings
from history import Operation
from partition_log import PartitionLog


def check_polls(log: PartitionLog, groups: set[str], findings: Findings) -> None:
    known = known_offsets(log)
    start_ever = log.start_ever()
    reached: dict[str, int] = {}
    for poll in log.polls:
        if poll.ok:
            check_answer(log, poll, known, start_ever, findings)
            if not reads_for_group(poll, groups):
                check_progress(log, poll, known, start_ever, reached, findings)
    check_watermarks(log, findings)


def known_offsets(log: PartitionLog) -> list[int]:
    """Where a record certainly was, and, under compaction, still is on every replica at the end."""
    if not log.compacted:
        return sorted(log.seen)
    if not log.drained:
        return []
    return sorted(set.intersection(*(set(replica.records) for replica in log.replicas)))


def reads_for_group(poll: Operation, groups: set[str]) -> bool:
    if poll.call.get("group"):
        return True
    return group_of(poll.process, groups) is not None


def group_of(process: str, groups: set[str]) -> str | None:
    at = process.find(".")
    while at >= 0:
        if process[:at] in groups:
            return process[:at]
        at = process.find(".", at + 1)
    return None


def skipped(known: list[int], low: int, high: int) -> int:
    """The first known offset in [low, high), or −1."""
    at = bisect_left(known, low)
    return known[at] if at < len(known) and known[at] < high else -1


def check_answer(
    log: PartitionLog, poll: Operation, known: list[int], start_ever: int, findings: Findings
) -> None:
    offsets = [record[0] for record in poll.call["records"]]
    watermark, start = poll.call["highWatermark"], poll.call["logStartOffset"]
    for before, after in zip(offsets, offsets[1:]):
        if after <= before:
            findings.add("int-nonmonotonic-poll", log.name, after, f"after {before}, op {poll.id}")
        elif (left := skipped(known, before + 1, after)) >= 0:
            findings.add("int-poll-skip", log.name, left, f"{before} then {after}, op {poll.id}")
    if not offsets:
        return
    if 0 <= watermark <= max(offsets):
        findings.add("above-high-watermark", log.name, max(offsets), f"{watermark}, op {poll.id}")
    asked = poll.call["from"]
    if asked < 0:
        return
    if offsets[0] < asked:
        findings.add("nonmonotonic-poll", log.name, offsets[0], f"asked {asked}, op {poll.id}")
    low = max(asked, start if start >= 0 else start_ever)
    if (left := skipped(known, low, offsets[0])) >= 0:
        findings.add("poll-skip", log.name, left, f"asked {asked}, got {offsets[0]}, op {poll.id}")


def check_progress(
    log: PartitionLog,
    poll: Operation,
    known: list[int],
    start_ever: int,
    reached: dict[str, int],
    findings: Findings,
) -> None:
    """From one answer to the next, where the client does not tell what it asked for."""
    offsets = [record[0] for record in poll.call["records"]]
    process = poll.process
    if poll.call["from"] >= 0:
        reached[process] = max(offsets, default=poll.call["from"] - 1)
        return
    if not offsets:
        return
    if process in reached:
        next_one = reached[process] + 1
        if offsets[0] < next_one:
            findings.add("nonmonotonic-poll", log.name, offsets[0], f"after {next_one - 1}, {process}")
        elif (left := skipped(known, max(next_one, start_ever), offsets[0])) >= 0:
            findings.add("poll-skip", log.name, left, f"{offsets[0]} after {next_one - 1}, {process}")
    reached[process] = max(offsets)


def check_watermarks(log: PartitionLog, findings: Findings) -> None:
    """Of one broker while it lives (a connection), high watermark and log start never go back."""
    # Connection → the highest of answers returned, and those that wait to be compared.
    told: dict[int, list[Operation]] = {}
    for poll in log.polls:
        if poll.ok and poll.conn >= 0:
            told.setdefault(poll.conn, []).append(poll)
    fields = {"highWatermark": "high-watermark-regress", "logStartOffset": "log-start-regress"}
    for answers in told.values():
        for field, kind in fields.items():
            check_ascending(log, answers, field, kind, findings)
    if log.drained:
        for poll in log.polls:
            if poll.ok and poll.call["logStartOffset"] > log.start:
                at = poll.call["logStartOffset"]
                findings.add("log-start-regress", log.name, at, f"ends with {log.start}, op {poll.id}")


def check_ascending(
    log: PartitionLog, answers: list[Operation], field: str, kind: str, findings: Findings
) -> None:
    events = [(poll.returned, 0, poll) for poll in answers] + [(p.invoked, 1, p) for p in answers]
    floor: int = -1
    floors: dict[int, int] = {}
    for _, side, poll in sorted(events, key=lambda event: event[:2]):
        if side == 1:
            floors[poll.id] = floor
            continue
        value = poll.call[field]
        if 0 <= value < floors[poll.id]:
            findings.add(kind, log.name, value, f"after {floors[poll.id]}, op {poll.id}")
        floor = max(floor, value)
