"""Anomalies planted in valid histories. Each plant gives the partition it spoilt, or None: no room."""

from __future__ import annotations

import random
from typing import Any, Callable

from world import COMPACT, PARTITIONS, World

Line = dict[str, Any]


class History:
    def __init__(self, world: World) -> None:
        self.chance = random.Random(world.count)
        self.lines = world.lines
        self.invoked = {line["op"]: line for line in self.lines if line["type"] == "invoke"}
        self.returned = {line["op"]: line for line in self.lines if line["type"] != "invoke"}

    def ok(self, f: str, wanted: Callable[[dict[str, Any], Line], bool] = lambda c, r: True) -> list[int]:
        found = []
        for op, line in self.returned.items():
            call = {**self.invoked[op]["call"], **line["call"]}
            if call["f"] == f and line["type"] == "ok" and wanted(call, line):
                found.append(op)
        return found

    def call(self, op: int) -> dict[str, Any]:
        return {**self.invoked[op]["call"], **self.returned[op]["call"]}

    def set(self, op: int, **fields: Any) -> None:
        self.returned[op]["call"] = {**self.returned[op]["call"], **fields}

    def pick(self, of: list[Any]) -> Any:
        return self.chance.choice(of) if of else None

    def drains(self, partition: str) -> list[int]:
        return self.ok("drain", lambda call, _: call["partition"] == partition)

    def strict(self) -> list[int]:
        """Acknowledged batches of idempotent producers where nothing is removed."""
        return self.ok("append", lambda c, _: c["producer"] is not None and c["partition"] in PARTITIONS)


def lose_tail(h: History) -> str | None:
    """The end of the log is gone, with what was acknowledged."""
    op = h.pick(h.strict())
    if op is None:
        return None
    call = h.call(op)
    for drain in h.drains(call["partition"]):
        records = [r for r in h.call(drain)["records"] if r[0] < call["offset"]]
        h.set(drain, records=records, highWatermark=call["offset"])
    return call["partition"]


def lose_one(h: History) -> str | None:
    op = h.pick(h.strict())
    if op is None:
        return None
    call = h.call(op)
    for drain in h.drains(call["partition"]):
        h.set(drain, records=[r for r in h.call(drain)["records"] if r[0] != call["offset"]])
    return call["partition"]


def lose_on_one_replica(h: History) -> str | None:
    op = h.pick(h.strict())
    if op is None:
        return None
    call = h.call(op)
    drain = h.drains(call["partition"])[1]
    h.set(drain, records=[r for r in h.call(drain)["records"] if r[0] != call["offset"]])
    return call["partition"]


def swap_in_drains(h: History) -> str | None:
    """Two records have changed places, on one replica, or, acknowledged, on all."""
    op = h.pick([op for op in h.strict() if len(h.call(op)["values"]) > 1])
    if op is None:
        return None
    call = h.call(op)
    drains = h.drains(call["partition"])
    for drain in h.pick([drains, drains[:1]]):
        changed = [list(record) for record in h.call(drain)["records"]]
        at = call["offset"]
        changed[at][1], changed[at + 1][1] = changed[at + 1][1], changed[at][1]
        h.set(drain, records=changed)
    return call["partition"]


def duplicate(h: History) -> str | None:
    """An idempotent batch is there twice, on every replica."""
    op = h.pick(h.strict())
    if op is None:
        return None
    call = h.call(op)
    for drain in h.drains(call["partition"]):
        drained = h.call(drain)
        end = drained["highWatermark"]
        again = [[end + i, v, drained["records"][-1][2]] for i, v in enumerate(call["values"])]
        h.set(drain, records=drained["records"] + again, highWatermark=end + len(again))
    return call["partition"]


def polled(h: History, least: int) -> int | None:
    return h.pick(h.ok("poll", lambda c, _: len(c["records"]) >= least and c["partition"] != COMPACT))


def change_value(h: History) -> str | None:
    op = polled(h, 1)
    if op is None:
        return None
    records = [list(record) for record in h.call(op)["records"]]
    h.pick(records)[1] = h.pick(["nobody's", records[0][1] + "x"])
    h.set(op, records=records)
    return h.call(op)["partition"]


def leave_out(h: History) -> str | None:
    """In the middle of an answer."""
    op = polled(h, 3)
    if op is None:
        return None
    records = list(h.call(op)["records"])
    del records[h.chance.randrange(1, len(records) - 1)]
    h.set(op, records=records)
    return h.call(op)["partition"]


def leave_out_first(h: History) -> str | None:
    op = h.pick(
        h.ok("poll", lambda c, _: len(c["records"]) >= 2 and c["from"] >= 0 and c["partition"] in PARTITIONS)
    )
    if op is None:
        return None
    h.set(op, records=h.call(op)["records"][1:])
    return h.call(op)["partition"]


def swap_in_poll(h: History) -> str | None:
    op = polled(h, 2)
    if op is None:
        return None
    records = list(h.call(op)["records"])
    at = h.chance.randrange(len(records) - 1)
    records[at], records[at + 1] = records[at + 1], records[at]
    h.set(op, records=records)
    return h.call(op)["partition"]


def lower_watermark(h: History) -> str | None:
    """Below what the same answer holds."""
    op = polled(h, 1)
    if op is None:
        return None
    h.set(op, highWatermark=h.call(op)["records"][-1][0])
    return h.call(op)["partition"]


def raise_watermark(h: History) -> str | None:
    op = polled(h, 1)
    if op is None:
        return None
    h.set(op, highWatermark=10_000)
    return h.call(op)["partition"]


def wrong_ack(h: History) -> str | None:
    op = h.pick(h.strict())
    if op is None:
        return None
    h.set(op, offset=abs(h.call(op)["offset"] + h.pick([-1, 1, 5])))
    return h.call(op)["partition"]


def refuse_written(h: History) -> str | None:
    op = h.pick(h.strict())
    if op is None:
        return None
    partition = h.call(op)["partition"]
    h.returned[op] |= {"type": "fail", "call": {}, "err": "NOT_LEADER_OR_FOLLOWER"}
    return partition


def move_later(h: History) -> str | None:
    """An append is invoked after later ones were acknowledged, and read."""
    ops = sorted(h.strict(), key=lambda op: h.invoked[op]["t"])
    if len(ops) < 20:
        return None
    op = h.pick(ops[:3])
    last = max(h.invoked[other]["t"] for other in ops) + 1000
    h.invoked[op]["t"], h.returned[op]["t"] = last, last + 5
    return h.call(op)["partition"]


def fence(h: History) -> str | None:
    """A batch has a later epoch than what its producer wrote after it."""
    ops = h.strict()
    later = [
        op
        for op in ops
        if any(
            h.call(o)["partition"] == h.call(op)["partition"]
            and h.call(o)["producer"]["id"] == h.call(op)["producer"]["id"]
            and h.call(o)["offset"] > h.call(op)["offset"]
            for o in ops
        )
    ]
    op = h.pick(later)
    if op is None:
        return None
    call = h.invoked[op]["call"]
    call["producer"] = {**call["producer"], "epoch": 99, "baseSequence": 0}
    return call["partition"]


def stale_commit(h: History) -> str | None:
    """What is told at the end is what was committed first."""
    partition = h.pick(PARTITIONS)
    commits = h.ok("commit", lambda c, _: c["partition"] == partition)
    reads = h.ok("committed", lambda c, _: c["partition"] == partition)
    commits.sort(key=lambda op: h.returned[op]["t"])
    reads.sort(key=lambda op: h.invoked[op]["t"])
    if len(commits) < 3 or h.invoked[reads[-1]]["t"] <= h.returned[commits[-1]]["t"]:
        return None
    first = h.call(commits[0])
    if h.returned[commits[0]]["t"] >= h.invoked[commits[-1]]["t"]:
        return None
    told = h.pick([(first["offset"], first["tag"]), (-1, "")])
    h.set(reads[-1], offset=told[0], tag=told[1])
    return partition


def made_up_commit(h: History) -> str | None:
    op = h.pick(h.ok("committed", lambda c, _: c["offset"] >= 0))
    if op is None:
        return None
    h.set(op, offset=h.call(op)["offset"] + 7, tag="nobody's")
    return h.call(op)["partition"]


def second_owner(h: History) -> str | None:
    for op in h.ok("assign", lambda c, _: len(c["partitions"]) > 0):
        one = h.call(op)
        for other in h.ok("assign", lambda c, _: c["generation"] == one["generation"]):
            if h.call(other)["member"] != one["member"]:
                h.set(other, partitions=h.call(other)["partitions"] + one["partitions"])
                return one["partitions"][0]
    return None


def fenced_commit(h: History) -> str | None:
    op = h.pick(h.ok("commit", lambda c, _: c["generation"] > 1))
    if op is None:
        return None
    h.invoked[op]["call"]["generation"] = 1
    return h.call(op)["partition"]


def unread(h: History) -> str | None:
    """A record below the committed offset that no member was given."""
    commits = h.ok("commit", lambda c, _: c["offset"] > 0)
    op = h.pick(commits)
    if op is None:
        return None
    partition = h.call(op)["partition"]
    for poll in h.ok("poll", lambda c, _: c["partition"] == partition):
        if h.invoked[poll]["p"].startswith("g."):
            records = [record for record in h.call(poll)["records"] if record[0] != 0]
            h.set(poll, records=records)
            if h.call(poll)["from"] == 0:
                h.invoked[poll]["call"]["from"] = 1
    return partition


def second_leader(h: History) -> str | None:
    op = h.pick(h.ok("metadata"))
    if op is None:
        return None
    topics = h.call(op)["topics"]
    partition = topics[0]["partitions"][0]
    changed = {**topics[0], "partitions": [{**partition, "leader": partition["leader"] + 1}]}
    others = [o for o in h.ok("metadata") if h.call(o)["topics"][0]["partitions"][0] == partition]
    if len(others) < 2:
        return None
    changed["partitions"] += topics[0]["partitions"][1:]
    h.set(op, topics=[changed, *topics[1:]])
    return PARTITIONS[0]


def older_epoch(h: History) -> str | None:
    ops = [op for op in h.ok("metadata") if h.call(op)["topics"][0]["partitions"][0]["epoch"] > 0]
    if len(ops) < 4:
        return None
    op = max(ops, key=lambda o: h.invoked[o]["t"])
    topics = h.call(op)["topics"]
    first = [{"leader": -1, "epoch": 0}, *topics[0]["partitions"][1:]]
    h.set(op, topics=[{**topics[0], "partitions": first}, *topics[1:]])
    return PARTITIONS[0]


def resurrect(h: History) -> str | None:
    ops = [op for op in h.ok("metadata") if h.invoked[op]["p"] == "watch-1"]
    if len(ops) < 3:
        return None
    ops.sort(key=lambda op: h.invoked[op]["t"])
    op = ops[len(ops) // 2]
    h.set(op, topics=h.call(op)["topics"][1:], missing=["plain"])
    return "plain"


def stale_latest(h: History) -> str | None:
    op = h.pick(h.ok("list", lambda c, _: c["at"] == -1 and c["offset"] > 30))
    if op is None:
        return None
    h.set(op, offset=3)
    return h.call(op)["partition"]


def wrong_time(h: History) -> str | None:
    op = h.pick(h.ok("list", lambda c, _: c["at"] >= 0 and c["offset"] > 3 and c["partition"] in PARTITIONS))
    if op is None:
        return None
    h.set(op, offset=h.call(op)["offset"] - 3)
    return h.call(op)["partition"]


def undo_remove(h: History) -> str | None:
    op = h.pick(h.ok("remove"))
    if op is None:
        return None
    h.set(op, lowWatermark=h.call(op)["lowWatermark"] + 1000)
    return h.call(op)["partition"]


def lose_last_of_key(h: History) -> str | None:
    drains = h.drains(COMPACT)
    records = h.call(drains[0])["records"]
    tombstones = [line["call"] for line in h.invoked.values() if line["call"].get("tombstone")]
    dead = {key for call in tombstones for key in call["keys"]}
    appends = {v: h.call(op) for op in h.ok("append") for v in h.call(op)["values"]}
    last: dict[str, list[Any]] = {}
    for record in records:
        call = appends.get(record[1])
        if call is not None and "keys" in call:
            last[call["keys"][call["values"].index(record[1])]] = record
    gone = h.pick([record for key, record in last.items() if key not in dead])
    if gone is None:
        return None
    for drain in drains:
        h.set(drain, records=[r for r in h.call(drain)["records"] if r[0] != gone[0]])
    return COMPACT


def nudge(h: History) -> str | None:
    """Some number in some answer is one more or less: whether that is an anomaly, both must say alike."""
    numbers = {
        "append": ["offset"],
        "poll": ["highWatermark", "logStartOffset"],
        "drain": ["highWatermark", "logStartOffset"],
        "list": ["offset", "timestampMs"],
        "remove": ["lowWatermark"],
        "committed": ["offset"],
        "join": ["generation"],
        "commit": ["generation", "offset"],
        "assign": ["generation"],
    }
    f = h.pick(list(numbers))
    op = h.pick(h.ok(f))
    if op is None:
        return None
    name = h.pick(numbers[f])
    # What −1 means of "earliest" and "latest" the format does not say.
    least = 0 if f == "list" else -1
    h.set(op, **{name: max(least, h.call(op)[name] + h.pick([-2, -1, 1, 2]))})
    return "?"


PLANTS: list[Callable[[History], str | None]] = [
    lose_tail,
    lose_one,
    lose_on_one_replica,
    swap_in_drains,
    duplicate,
    change_value,
    leave_out,
    leave_out_first,
    swap_in_poll,
    lower_watermark,
    raise_watermark,
    wrong_ack,
    refuse_written,
    move_later,
    fence,
    stale_commit,
    made_up_commit,
    second_owner,
    fenced_commit,
    unread,
    second_leader,
    older_epoch,
    resurrect,
    stale_latest,
    wrong_time,
    undo_remove,
    lose_last_of_key,
]
