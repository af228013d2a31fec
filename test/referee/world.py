"""
A small correct cluster, in virtual time, whose clients write a history: what a checker must call
valid. Everything comes from the seed.
"""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import dataclass, field
from typing import Any, Callable

TOPICS = {"plain": "aaaaaaaa", "cut": "bbbbbbbb", "compact": "cccccccc"}
PARTITIONS = [f"plain#{TOPICS['plain']}/0", f"plain#{TOPICS['plain']}/1"]
CUT, COMPACT = f"cut#{TOPICS['cut']}/0", f"compact#{TOPICS['compact']}/0"
GROUP = "g"


@dataclass
class Record:
    value: str
    epoch: int
    key: str | None
    tombstone: bool
    stamp: int


@dataclass
class Log:
    name: str
    records: dict[int, Record] = field(default_factory=dict)
    start: int = 0
    end: int = 0
    epoch: int = 0
    leader: int = 0

    def append(self, record: Record) -> int:
        self.records[self.end] = record
        self.end += 1
        return self.end - 1

    def read(self, start: int, end: int, count: int) -> list[list[Any]]:
        there = [o for o in range(max(start, self.start), end) if o in self.records]
        return [[o, self.records[o].value, self.records[o].epoch] for o in there[:count]]

    def compact(self) -> None:
        last: dict[str | None, int] = {r.key: o for o, r in sorted(self.records.items())}
        for offset in [o for o, r in self.records.items() if last[r.key] != o]:
            del self.records[offset]


@dataclass
class Producer:
    name: str
    id: int
    epoch: int = 0
    sequences: dict[str, int] = field(default_factory=dict)
    count: int = 0


Effect = Callable[[], tuple[str, dict[str, Any], dict[str, Any]]]


class World:
    """`lines` is the history. An operation takes effect between its invocation and its return."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 0
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.ticket = 0
        self.lines: list[dict[str, Any]] = []
        self.count = 0
        self.logs = {name: Log(name) for name in [*PARTITIONS, CUT, COMPACT]}
        self.end = 60_000

    def at(self, delay: int, action: Callable[[], None]) -> None:
        self.ticket += 1
        heapq.heappush(self.queue, (self.now + delay, self.ticket, action))

    def run(self) -> None:
        while self.queue:
            self.now, _, action = heapq.heappop(self.queue)
            action()

    def call(
        self,
        process: str,
        call: dict[str, Any],
        effect: Effect,
        then: Callable[[str, dict[str, Any]], None] = lambda outcome, back: None,
    ) -> None:
        """`effect` gives the outcome, what the return adds, and fields of its line."""
        op, self.count = self.count, self.count + 1
        self.lines.append({"t": self.now, "p": process, "type": "invoke", "op": op, "call": call})

        def take_effect() -> None:
            outcome, back, told = effect()

            def finish() -> None:
                if outcome != "pending":
                    line = {"t": self.now, "p": process, "type": outcome, "op": op}
                    self.lines.append({**line, "attempts": 1, "err": "", **told, "call": back})
                then(outcome, back)

            self.at(self.chance.randrange(5, 200), finish)

        self.at(self.chance.randrange(5, 200), take_effect)

    def text(self) -> str:
        return "".join(json.dumps(line) + "\n" for line in self.lines)


def produce(world: World, producer: Producer, kind: str) -> None:
    """One batch after the other. `kind`: idempotent, repeating (not idempotent), leader (acks=1)."""
    chance = world.chance
    if world.now > world.end:
        return
    name = chance.choice([*PARTITIONS, CUT, COMPACT] if kind == "idempotent" else PARTITIONS)
    log = world.logs[name]
    size = 1 if kind == "repeating" else chance.randrange(1, 4)
    values = [f"{producer.name}.{producer.count + i}" for i in range(size)]
    producer.count += size
    sequence = producer.sequences.get(name, 0)
    call: dict[str, Any] = {"f": "append", "partition": name, "values": values}
    call |= {"acks": 1 if kind == "leader" else -1, "timestampMs": 1000 + world.now, "offset": -1}
    call["producer"] = None
    if kind == "idempotent":
        call["producer"] = {"id": producer.id, "epoch": producer.epoch, "baseSequence": sequence}
    if kind == "repeating":
        call["duplicates"] = "allowed"
    tombstone = name == COMPACT and chance.random() < 0.2
    keys: list[str | None] = [None] * size
    if name == COMPACT:
        keys = [f"k{chance.randrange(4)}" for _ in values]
        call["keys"] = keys
        if tombstone:
            call["tombstone"] = True
    fate = chance.random()

    def effect() -> tuple[str, dict[str, Any], dict[str, Any]]:
        base = -1
        if fate < 0.92:
            for value, key in zip(values, keys):
                at = log.append(Record(value, log.epoch, key, tombstone, call["timestampMs"]))
                base = at if base < 0 else base
            if kind == "repeating" and chance.random() < 0.1:
                base = log.append(Record(values[0], log.epoch, None, False, call["timestampMs"]))
            producer.sequences[name] = sequence + size
        told = {"node": log.leader}
        if fate < 0.85:
            return "ok", {"offset": base}, told
        if fate < 0.96:
            return "info", {}, {**told, "err": "LOST"}
        return "fail", {}, {**told, "err": "NOT_LEADER_OR_FOLLOWER", "attempts": 1}

    def then(outcome: str, _: dict[str, Any]) -> None:
        if outcome == "info":
            producer.epoch += 1
            producer.sequences = {}
        world.at(chance.randrange(50, 900), lambda: produce(world, producer, kind))

    world.call(producer.name, call, effect, then)


def consume(world: World, process: str, tells: bool) -> None:
    """Reads on, at the leader or a follower that lags; tells from where, or not."""
    chance = world.chance
    position = {name: 0 for name in world.logs}
    reached: dict[int, dict[str, int]] = {}
    connection = {"at": hash_of(process) * 100}

    def step() -> None:
        if world.now > world.end:
            return
        if chance.random() < 0.05:
            connection["at"] += 1
            reached.clear()
        name = chance.choice(list(world.logs))
        log = world.logs[name]
        start = position[name] if tells else -1
        call = {"f": "poll", "partition": name, "from": start, "records": []}
        call |= {"highWatermark": -1, "logStartOffset": -1}

        def effect() -> tuple[str, dict[str, Any], dict[str, Any]]:
            told = {"node": log.leader, "conn": connection["at"] * 10 + log.leader}
            if position[name] < log.start:
                position[name] = log.start
                return "fail", {}, {**told, "err": "OFFSET_OUT_OF_RANGE"}
            seen = reached.setdefault(told["conn"], {})
            end = max(seen.get(name, 0), log.end - chance.choice([0, 0, 0, 1, 2]), log.start)
            end = max(end, position[name])
            seen[name] = end
            records = log.read(position[name], end, chance.randrange(1, 12))
            if records:
                position[name] = records[-1][0] + 1
            if not tells and not records:
                return "fail", {}, told
            return "ok", {"records": records, "highWatermark": end, "logStartOffset": log.start}, told

        world.call(process, call, effect, lambda o, b: world.at(chance.randrange(20, 500), step))

    step()


def hash_of(text: str) -> int:
    return sum(ord(letter) for letter in text)


def look_up(world: World) -> None:
    chance = world.chance
    if world.now > world.end:
        return
    log = world.logs[chance.choice(list(world.logs))]
    at = chance.choice([-1, -2, -3, 1000 + chance.randrange(world.end)])
    call = {"f": "list", "partition": log.name, "at": at, "offset": -1, "timestampMs": -1, "epoch": -1}

    def effect() -> tuple[str, dict[str, Any], dict[str, Any]]:
        there = {o: r for o, r in sorted(log.records.items()) if o >= log.start}
        offset, stamp = log.end, -1
        if at == -2:
            offset = log.start
        elif at == -3:
            stamp = max((r.stamp for r in there.values()), default=-1)
            offset = next((o for o, r in there.items() if r.stamp == stamp), -1)
        elif at >= 0:
            offset = next((o for o, r in there.items() if r.stamp >= at), -1)
            stamp = there[offset].stamp if offset >= 0 else -1
        return "ok", {"offset": offset, "timestampMs": stamp, "epoch": -1}, {"node": log.leader}

    world.call("prober", call, effect, lambda o, b: world.at(chance.randrange(100, 900), lambda: look_up(world)))


def care(world: World) -> None:
    """Leaders change, fronts are removed, logs are compacted."""
    chance = world.chance
    if world.now > world.end:
        return
    what = chance.randrange(3)
    if what == 0:
        log = chance.choice(list(world.logs.values()))
        log.epoch += 1
        log.leader = chance.randrange(3)
    elif what == 1:
        world.logs[COMPACT].compact()
    else:
        log = world.logs[CUT]
        to = chance.randrange(log.start, log.end + 1)

        def effect() -> tuple[str, dict[str, Any], dict[str, Any]]:
            log.start = max(log.start, to)
            for offset in [o for o in log.records if o < log.start]:
                del log.records[offset]
            return "ok", {"lowWatermark": log.start}, {"node": log.leader}

        world.call("remover", {"f": "remove", "partition": CUT, "offset": to, "lowWatermark": -1}, effect)
    world.at(chance.randrange(1000, 4000), lambda: care(world))


def watch(world: World, node: int) -> None:
    chance = world.chance
    if world.now > world.end:
        return
    call: dict[str, Any] = {"f": "metadata", "topics": [], "missing": []}

    def effect() -> tuple[str, dict[str, Any], dict[str, Any]]:
        topics = []
        for name, identity in TOPICS.items():
            logs = [log for log in world.logs.values() if log.name.startswith(f"{name}#")]
            leaders = [{"leader": log.leader, "epoch": log.epoch} for log in logs]
            topics.append({"name": name, "id": identity * 4, "partitions": leaders})
        return "ok", {"topics": topics, "missing": []}, {"node": node, "conn": 90_000 + node}

    again = lambda o, b: world.at(chance.randrange(400, 3000), lambda: watch(world, node))
    world.call(f"watch-{node}", call, effect, again)


def drain(world: World) -> None:
    """Every replica; followers may have compacted less, and the end of a compacted log may be gone."""
    for log in world.logs.values():
        for node in range(3):
            back = {"records": log.read(0, log.end, log.end), "highWatermark": log.end}
            back["logStartOffset"] = log.start
            call: dict[str, Any] = {"f": "drain", "partition": log.name, "records": []}
            call |= {"highWatermark": -1, "logStartOffset": -1}
            if log.name == COMPACT:
                call["compacted"] = True
            world.call(f"drain@{node}", call, lambda b=back, n=node: ("ok", b, {"node": n}))


def valid_history(seed: int) -> World:
    from world_groups import consume_in_group

    world = World(seed)
    world.end = world.chance.choice([5_000, 15_000, 40_000])
    for index in range(2):
        produce(world, Producer(f"p{index}", index), "idempotent")
    produce(world, Producer("again", -1), "repeating")
    produce(world, Producer("leader", -1), "leader")
    consume(world, "c0", True)
    consume(world, "c1", False)
    look_up(world)
    care(world)
    for node in range(3):
        watch(world, node)
    consume_in_group(world)
    world.run()
    world.now += 10_000
    drain(world)
    world.run()
    return world
