"""Consumer groups: owners, generations, fenced commits, and records that nobody was given."""

from __future__ import annotations

from anomaly import Findings
from history import INFINITY, Operation
from partition_log import Logs
from polls import group_of

HEARD = ("join", "assign", "heartbeat", "commit")


def group_names(operations: list[Operation]) -> set[str]:
    names = {o.call["group"] for o in operations if o.call.get("group")}
    return names


def check_groups(operations: list[Operation], logs: Logs, findings: Findings) -> None:
    of_group: dict[str, list[Operation]] = {}
    for operation in operations:
        if operation.f != "poll" and operation.call.get("group"):
            of_group.setdefault(operation.call["group"], []).append(operation)
    for group, told in of_group.items():
        protocols = {o.call["protocol"] for o in told if o.f == "assign"}
        check_two_owners(group, told, findings)
        check_overlap(group, told, findings)
        if "consumer" in protocols:
            check_member_epochs(group, told, findings)
        else:
            check_generations(group, told, findings)
    check_skipped(operations, logs, set(of_group), findings)


def check_two_owners(group: str, told: list[Operation], findings: Findings) -> None:
    owners: dict[tuple[int, str], str] = {}
    for assign in told:
        if assign.f != "assign" or not assign.ok or assign.call["generation"] < 0:
            continue
        for partition in assign.call["partitions"]:
            key = (assign.call["generation"], partition)
            owner = owners.setdefault(key, assign.call["member"])
            if owner != assign.call["member"]:
                detail = f"{group}: {owner} and {assign.call['member']} in {key[0]}"
                findings.add("two-owners", partition, -1, detail)


def check_generations(group: str, told: list[Operation], findings: Findings) -> None:
    """
    Classic: commits and joins of a generation older than one that was assigned are refused. A join
    proves nothing: a coordinator that has lost its place may let members join, and forget it.
    """
    events: list[tuple[int, int, Operation]] = []
    for operation in told:
        if operation.f in ("join", "assign", "commit") and operation.ok:
            if operation.call["generation"] >= 0:
                events.append((operation.invoked, 0, operation))
                if operation.f == "assign":
                    events.append((operation.returned, 1, operation))
    current = -1
    for _, side, operation in sorted(events, key=lambda event: event[:2]):
        generation = operation.call["generation"]
        if side == 1:
            current = max(current, generation)
        elif generation < current:
            kind = "fenced-commit" if operation.f == "commit" else "generation-regress"
            partition = operation.call.get("partition", group)
            detail = f"{group}: generation {generation} after {current}, op {operation.id}"
            findings.add(kind, partition, operation.call.get("offset", -1), detail)


def check_member_epochs(group: str, told: list[Operation], findings: Findings) -> None:
    """
    Consumer: of each member the epoch only grows. A commit of an older epoch may pass (KIP-848) as
    long as the partition is the member's own.
    """
    epochs: dict[str, list[Operation]] = {}
    assigns = [o for o in told if o.f == "assign" and o.ok]
    for operation in told:
        if operation.f in ("join", "assign") and operation.ok and operation.call["generation"] > 0:
            before = epochs.setdefault(operation.call["member"], [])
            older = [o for o in before if o.returned < operation.invoked]
            highest = max((o.call["generation"] for o in older), default=-1)
            if operation.call["generation"] < highest:
                detail = f"{group}: {operation.call['generation']} after {highest}, op {operation.id}"
                findings.add("generation-regress", group, -1, detail)
            before.append(operation)
    for commit in told:
        if commit.f != "commit" or not commit.ok or commit.call["generation"] < 0:
            continue
        if is_fenced(commit, assigns):
            detail = f"{group}: {commit.call['member']}, op {commit.id}"
            findings.add("fenced-commit", commit.call["partition"], commit.call["offset"], detail)


def is_fenced(commit: Operation, assigns: list[Operation]) -> bool:
    partition, member = commit.call["partition"], commit.call["member"]
    given = [a for a in assigns if a.returned < commit.invoked]
    elsewhere = [a for a in given if partition in a.call["partitions"] and a.call["member"] != member]
    if not elsewhere:
        return False
    last = max(a.invoked for a in elsewhere)
    return not any(
        a.call["member"] == member and partition in a.call["partitions"] and a.returned > last
        for a in assigns
        if a.invoked < commit.returned
    )


def check_overlap(group: str, told: list[Operation], findings: Findings) -> None:
    """
    A partition goes to another member only when its owner gave it up, joined anew, or was not heard
    of for its timeout.
    """
    of_member: dict[str, list[Operation]] = {}
    for operation in told:
        if operation.call.get("member"):
            of_member.setdefault(operation.call["member"], []).append(operation)
    assigns = [o for o in told if o.f == "assign" and o.ok]
    for held in assigns:
        timeout = held.call.get("timeoutMs")
        if timeout is None or not held.call["partitions"]:
            continue
        until, heard = ownership(held, of_member[held.call["member"]])
        for taken in assigns:
            if taken.call["member"] == held.call["member"] or taken.returned < held.returned:
                continue
            last = max((ns for place, ns in heard if place < taken.returned), default=held.invoked_ns)
            if taken.returned_ns >= last + timeout * 1_000_000:
                continue
            for partition in set(held.call["partitions"]) & set(taken.call["partitions"]):
                if taken.returned < until.get(partition, INFINITY):
                    detail = f"{group}: {held.call['member']}, then {taken.call['member']}, op {taken.id}"
                    findings.add("owners-overlap", partition, -1, detail)


def ownership(held: Operation, of_member: list[Operation]) -> tuple[dict[str, int], list[tuple[int, int]]]:
    """Until when (a place) the member certainly owns each partition, and when it was heard of."""
    until: dict[str, int] = {}
    heard = [(held.invoked, held.invoked_ns)]
    for operation in of_member:
        if operation.id == held.id or operation.returned < held.returned:
            continue
        if operation.f == "release":
            for partition in operation.call["partitions"]:
                until[partition] = min(until.get(partition, INFINITY), operation.invoked)
        elif operation.f in ("assign", "join"):
            for partition in held.call["partitions"]:
                until[partition] = min(until.get(partition, INFINITY), operation.invoked)
        elif operation.f in HEARD and operation.ok:
            heard.append((operation.invoked, operation.invoked_ns))
    return until, heard


def check_skipped(operations: list[Operation], logs: Logs, groups: set[str], findings: Findings) -> None:
    """Below what a group has committed every record was given to one of its members."""
    committed: dict[tuple[str, str], int] = {}
    given: dict[tuple[str, str], set[int]] = {}
    for operation in operations:
        call = operation.call
        if operation.f in ("commit", "committed") and operation.ok:
            key = (call["group"], call["partition"])
            committed[key] = max(call["offset"], committed.get(key, -1))
        elif operation.f == "poll" and operation.ok:
            group = call.get("group") or group_of(operation.process, groups)
            if group is not None:
                offsets = given.setdefault((group, call["partition"]), set())
                offsets.update(record[0] for record in call["records"])
    for (group, partition), offset in committed.items():
        log = logs.partitions.get(partition)
        if log is None:
            continue
        read = given.get((group, partition), set())
        start = log.start_ever()
        for at in log.seen:
            if start <= at < offset and at not in read:
                findings.add("skipped-record", partition, at, f"{group} committed {offset}")
