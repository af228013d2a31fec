"""
A group's committed offset of a partition is a register: every read is explained by some order.

Commits that have a tag are told apart, so Gibbons and Korach's zones decide in n log n: a value's
zone runs from the earliest return to the latest invocation of its commit and reads. Two zones that
run forward must not overlap; one that runs backward must not lie within one that runs forward.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from anomaly import Findings
from history import INFINITY, Operation

Value = tuple[str, int]
NOTHING: Value = ("", -1)


@dataclass(slots=True)
class Cluster:
    """One value: its commits (one, where it has a tag) and its reads."""

    value: Value
    writes: list[Operation] = field(default_factory=list)
    reads: list[Operation] = field(default_factory=list)

    def zone(self) -> tuple[int, int]:
        """Earliest return, latest invocation."""
        both = self.writes + self.reads
        first = min((o.returned for o in both if o.ok), default=INFINITY)
        last = max(operation.invoked for operation in both)
        return (-1 if self.value == NOTHING else first, last)


def check_registers(operations: list[Operation], findings: Findings) -> None:
    registers: dict[tuple[str, str], list[Operation]] = {}
    for operation in operations:
        if operation.f in ("commit", "committed"):
            call = operation.call
            registers.setdefault((call["group"], call["partition"]), []).append(operation)
    for (group, partition), register in registers.items():
        check_register(group, partition, register, findings)


def value_of(operation: Operation) -> Value:
    if operation.f == "committed" and operation.call["offset"] < 0:
        return NOTHING
    return (operation.call.get("tag", ""), operation.call["offset"])


def check_register(group: str, partition: str, register: list[Operation], findings: Findings) -> None:
    clusters: dict[Value, Cluster] = {}
    for operation in register:
        if operation.f == "commit" and operation.outcome != "fail":
            cluster = clusters.setdefault(value_of(operation), Cluster(value_of(operation)))
            cluster.writes.append(operation)
    refused = {value_of(o) for o in register if o.f == "commit" and o.outcome == "fail"}
    for read in register:
        if read.f != "committed" or not read.ok:
            continue
        value = value_of(read)
        if value == NOTHING:
            clusters.setdefault(NOTHING, Cluster(NOTHING)).reads.append(read)
        elif value not in clusters:
            why = "was refused" if value in refused else "nobody committed"
            findings.add("phantom-commit", partition, value[1], f"{group}: {value[0]} {why}, op {read.id}")
        elif all(write.invoked > read.returned for write in clusters[value].writes):
            findings.add("phantom-commit", partition, value[1], f"{group}: not committed yet, op {read.id}")
        else:
            clusters[value].reads.append(read)
    check_each_read(group, partition, list(clusters.values()), findings)
    check_zones(group, partition, list(clusters.values()), findings)


def check_each_read(group: str, partition: str, clusters: list[Cluster], findings: Findings) -> None:
    """
    A read is stale when another commit came after all of its value's, and before it. Holds also for
    values that were committed several times.
    """
    done = sorted((w.invoked, w.returned) for c in clusters for w in c.writes if w.ok)
    starts = [invoked for invoked, _ in done]
    earliest = [INFINITY] * (len(done) + 1)
    for at in range(len(done) - 1, -1, -1):
        earliest[at] = min(done[at][1], earliest[at + 1])
    for cluster in clusters:
        for read in cluster.reads:
            before = [w for w in cluster.writes if w.invoked < read.returned]
            latest = max((may_land(w) for w in before), default=-1)
            if latest < INFINITY and earliest[bisect_right(starts, latest)] < read.invoked:
                findings.add("stale-commit", partition, cluster.value[1], f"{group}: op {read.id}")


def may_land(write: Operation) -> int:
    """Until when it may take effect: what was sent twice may do so again later."""
    return write.returned if write.ok and write.attempts <= 1 else INFINITY


def check_zones(group: str, partition: str, clusters: list[Cluster], findings: Findings) -> None:
    exact = [c for c in clusters if is_exact(c)]
    forward: list[tuple[int, int, Cluster]] = []
    backward: list[tuple[int, int, Cluster]] = []
    for cluster in exact:
        first, last = cluster.zone()
        if first < last:
            forward.append((first, last, cluster))
        elif first < INFINITY:
            backward.append((last, first, cluster))
    forward.sort(key=lambda zone: zone[:2])
    for (_, end, one), (start, _, other) in zip(forward, forward[1:]):
        if start < end:
            findings.add("stale-commit", partition, one.value[1], f"{group}: {one.value} around {other.value}")
    begins = [zone[0] for zone in forward]
    for start, end, cluster in backward:
        at = bisect_left(begins, start) - 1
        if at >= 0 and end < forward[at][1]:
            outer = forward[at][2]
            findings.add("stale-commit", partition, outer.value[1], f"{group}: {outer.value} around {cluster.value}")


def is_exact(cluster: Cluster) -> bool:
    """A value of one commit, done once, or of none (nothing was committed yet)."""
    if cluster.value == NOTHING:
        return len(cluster.reads) > 0
    if cluster.value[0] == "" or len(cluster.writes) != 1:
        return False
    write = cluster.writes[0]
    return (write.ok or len(cluster.reads) > 0) and write.attempts <= 1
