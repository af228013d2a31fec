"""Reads history.jsonl, by stream, into operations in the one order (src/chaos/history/DESIGN.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Iterable, Iterator

INFINITY = 1 << 62


class BrokenHistory(Exception):
    """The file is not what the format page says."""


@dataclass(slots=True)
class Operation:
    """`invoked`, `returned`: places in the one order; `*_ns`: times, −1 while not returned."""

    id: int
    process: str
    f: str
    call: dict[str, Any]
    invoked: int
    invoked_ns: int
    returned: int = INFINITY
    returned_ns: int = -1
    outcome: str = "pending"
    node: int = -1
    conn: int = -1
    attempts: int = 0
    err: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome == "ok"


def parsed_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The last line alone may be cut short."""
    torn: int | None = None
    for number, line in enumerate(lines, 1):
        if line.isspace() or line == "":
            continue
        if torn is not None:
            raise BrokenHistory(f"line {torn} is no JSON")
        try:
            value = json.loads(line)
        except ValueError:
            torn = number
            continue
        if not isinstance(value, dict):
            raise BrokenHistory(f"line {number} is no object")
        yield value


def read_history(lines: Iterable[str]) -> list[Operation]:
    """Operations in order of their invocations. Raises BrokenHistory."""
    operations: dict[int, Operation] = {}
    events: list[tuple[int, int, int]] = []
    placed = False
    for index, line in enumerate(parsed_lines(lines)):
        try:
            kind, number, t = line["type"], line["op"], int(line["t"])
            if index == 0:
                placed = "i" in line
            elif placed != ("i" in line):
                raise BrokenHistory("some lines have a place, others do not")
            place = line["i"] if placed else t
            if kind == "invoke":
                if number in operations:
                    raise BrokenHistory(f"operation {number} is invoked twice")
                call = line["call"]
                operations[number] = Operation(number, line["p"], call["f"], call, place, t)
                events.append((place, 0, number))
                continue
            operation = operations.get(number)
            if operation is None:
                raise BrokenHistory(f"operation {number} returns before it was invoked")
            take_return(operation, line, place, t)
            events.append((place, 1, number))
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenHistory(f"a line lacks {error}") from error
    if not placed:
        rank(operations, events)
    return sorted(operations.values(), key=lambda operation: operation.invoked)


def take_return(operation: Operation, line: dict[str, Any], place: int, t: int) -> None:
    if operation.outcome != "pending":
        raise BrokenHistory(f"operation {operation.id} returns twice")
    if line["type"] not in ("ok", "fail", "info"):
        raise BrokenHistory(f"operation {operation.id} returns as {line['type']}")
    operation.outcome = line["type"]
    operation.returned = place
    operation.returned_ns = t
    operation.node = line.get("node", -1)
    operation.conn = line.get("conn", -1)
    operation.attempts = line.get("attempts", 0)
    operation.err = line.get("err", "")
    if operation.outcome == "ok" and line.get("call"):
        operation.call = {**operation.call, **line["call"]}


def rank(operations: dict[int, Operation], events: list[tuple[int, int, int]]) -> None:
    """By time; at the same time all invocations come before all returns."""
    events.sort()
    for place, (_, side, number) in enumerate(events):
        if side == 0:
            operations[number].invoked = place
        else:
            operations[number].returned = place


def topic_of(partition: str) -> str:
    return partition[: partition.rindex("/")]


def number_of(partition: str) -> int:
    return int(partition[partition.rindex("/") + 1 :])
