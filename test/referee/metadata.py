"""What brokers tell of topics and leaders: one leader per epoch, and never backwards (workload v)."""

from __future__ import annotations

from anomaly import Findings
from history import Operation


def check_metadata(operations: list[Operation], findings: Findings) -> None:
    answers = [o for o in operations if o.f == "metadata" and o.ok]
    check_leaders(answers, findings)
    of_connection: dict[tuple[int, int], list[Operation]] = {}
    for answer in answers:
        if answer.conn >= 0:
            of_connection.setdefault((answer.node, answer.conn), []).append(answer)
    for told in of_connection.values():
        check_connection(told, findings)
    check_deleted(operations, answers, findings)


def check_leaders(answers: list[Operation], findings: Findings) -> None:
    leaders: dict[tuple[str, int, int], int] = {}
    for answer in answers:
        for topic in answer.call["topics"]:
            for number, partition in enumerate(topic["partitions"]):
                leader, epoch = partition["leader"], partition["epoch"]
                if leader < 0 or epoch < 0:
                    continue
                known = leaders.setdefault((topic["id"], number, epoch), leader)
                if known != leader:
                    name = f"{topic['name']}#{topic['id'][:8]}/{number}"
                    findings.add("two-leaders", name, -1, f"{known} and {leader} in epoch {epoch}")


def check_connection(told: list[Operation], findings: Findings) -> None:
    """Answers of one broker on one connection, one after the other."""
    current: dict[str, str] = {}
    gone: set[str] = set()
    epochs: dict[tuple[str, int], int] = {}
    counts: dict[str, int] = {}
    last = -1
    for answer in sorted(told, key=lambda operation: operation.invoked):
        if answer.invoked < last:
            continue  # overlaps: no order
        last = answer.returned
        for name in answer.call["missing"]:
            if name in current:
                gone.add(current.pop(name))
        for topic in answer.call["topics"]:
            name, identity = topic["name"], topic["id"]
            if identity == "":
                continue
            if current.get(name, identity) != identity:
                gone.add(current[name])
            current[name] = identity
            if identity in gone:
                findings.add("metadata-regress", name, -1, f"{identity} is back, op {answer.id}")
            if len(topic["partitions"]) < counts.get(identity, 0):
                findings.add("metadata-regress", name, -1, f"fewer partitions, op {answer.id}")
            counts[identity] = max(counts.get(identity, 0), len(topic["partitions"]))
            for number, partition in enumerate(topic["partitions"]):
                epoch = partition["epoch"]
                if 0 <= epoch < epochs.get((identity, number), -1):
                    findings.add("metadata-regress", name, -1, f"epoch {epoch} of {number}, op {answer.id}")
                epochs[identity, number] = max(epoch, epochs.get((identity, number), -1))


def check_deleted(operations: list[Operation], answers: list[Operation], findings: Findings) -> None:
    """An id is given to one topic."""
    names: dict[str, str] = {}
    for answer in answers:
        for topic in answer.call["topics"]:
            if topic["id"] and names.setdefault(topic["id"], topic["name"]) != topic["name"]:
                findings.add("two-topics", topic["name"], -1, f"id of {names[topic['id']]}")
    created: dict[str, int] = {}
    for operation in operations:
        if operation.f == "create" and operation.ok and operation.call["topicId"]:
            identity = operation.call["topicId"]
            if created.setdefault(identity, operation.id) != operation.id:
                findings.add("two-topics", operation.call["topic"], -1, f"{identity} made twice")
