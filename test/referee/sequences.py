"""Idempotent producers: sequence order is offset order, without gaps, and a fenced epoch is silent."""

from __future__ import annotations

from anomaly import Findings
from partition_log import Logs, PartitionLog


def check_sequences(logs: Logs, log: PartitionLog, findings: Findings) -> None:
    # Producer id → (offset, epoch, sequence, value), of the final log.
    written: dict[int, list[tuple[int, int, int, str]]] = {}
    for batch in log.batches:
        if batch.producer is None or batch.producer[0] == -1:
            continue
        identity, epoch, base = batch.producer
        for index, value in enumerate(batch.values):
            if value in log.final:
                record = (min(log.final[value]), epoch, base + index, value)
                written.setdefault(identity, []).append(record)
    for identity, records in written.items():
        records.sort()
        check_order(log, records, findings)
        if identity >= 0 and not log.compacted:
            check_gaps(log, records, findings)
    check_told_order(log, findings)


def check_order(log: PartitionLog, records: list[tuple[int, int, int, str]], findings: Findings) -> None:
    epoch, sequence = -1, -1
    for offset, of_epoch, of_sequence, value in records:
        if of_epoch < epoch:
            findings.add("fenced-append", log.name, offset, f"{value} of {of_epoch} after {epoch}")
        elif of_epoch == epoch and of_sequence <= sequence:
            findings.add("nonmonotonic-send", log.name, offset, f"{value}, after {sequence}")
        if of_epoch > epoch:
            epoch, sequence = of_epoch, of_sequence
        elif of_epoch == epoch:
            sequence = max(sequence, of_sequence)


def check_gaps(log: PartitionLog, records: list[tuple[int, int, int, str]], findings: Findings) -> None:
    expected: dict[int, int] = {}
    for offset, epoch, sequence, value in sorted(records, key=lambda r: (r[1], r[2])):
        # A broker that knows nothing of a producer takes any sequence as its first; of one that it
        # knows a later epoch begins with 0.
        known = len(expected) > 0
        if known and sequence > expected.get(epoch, 0):
            findings.add(
                "sequence-lost", log.name, offset, f"{value}, sequence {sequence} of epoch {epoch}"
            )
        expected[epoch] = sequence + 1


def check_told_order(log: PartitionLog, findings: Findings) -> None:
    told: dict[tuple[int, int], list[tuple[int, int, str]]] = {}
    for batch in log.batches:
        if batch.producer is not None and batch.producer[0] != -1 and batch.offsets:
            identity, epoch, base = batch.producer
            told.setdefault((identity, epoch), []).append((base, batch.offsets[0], batch.values[0]))
    for batches in told.values():
        batches.sort()
        for (_, before, _), (_, after, value) in zip(batches, batches[1:]):
            if after <= before:
                findings.add("nonmonotonic-send", log.name, after, f"{value}, told below {before}")
