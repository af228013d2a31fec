"""A classic group in the small correct cluster: members, generations, commits, and an observer."""

from __future__ import annotations

from typing import Any

from world import GROUP, PARTITIONS, World


class Group:
    """The coordinator. Members of the current generation have what `owned` says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.generation = 0
        self.committed: dict[str, tuple[int, str]] = {}
        self.tags = 0

    def round(self, count: int) -> None:
        """All of a generation's members join, get their parts, work, and give them up again."""
        world = self.world
        if world.now > world.end:
            return
        self.generation += 1
        generation = self.generation
        parts: list[list[str]] = [[] for _ in range(count)]
        for index, name in enumerate(PARTITIONS):
            parts[(index + generation) % count].append(name)
        for index, mine in enumerate(parts):
            member = f"m{generation % 2}-{index}"
            process = f"{GROUP}.{index}"
            base = {"group": GROUP, "member": member, "generation": generation}
            call: dict[str, Any] = {"f": "join", **base}

            def joined(_: str, __: dict[str, Any], p=process, b=base, m=mine) -> None:
                # All have joined before anybody is told.
                world.at(500, lambda: self.assign(p, b, m))

            world.call(process, call, lambda: ("ok", {}, {"node": 0}), joined)
        world.at(9_000, lambda: self.round(world.chance.randrange(1, 4)))

    def assign(self, process: str, base: dict[str, Any], mine: list[str]) -> None:
        call = {"f": "assign", **base, "protocol": "classic", "partitions": [], "timeoutMs": 3000}
        until = self.world.now + 5_000

        def then(_: str, __: dict[str, Any]) -> None:
            self.work(process, base, mine, {p: self.position(p) for p in mine}, until)

        self.world.call(process, call, lambda: ("ok", {"partitions": mine}, {"node": 0}), then)

    def position(self, partition: str) -> int:
        return self.committed.get(partition, (0, ""))[0]

    def work(
        self, process: str, base: dict[str, Any], mine: list[str], at: dict[str, int], until: int
    ) -> None:
        world, chance = self.world, self.world.chance

        def again(_: str = "", __: dict[str, Any] | None = None) -> None:
            world.at(chance.randrange(20, 300), lambda: self.work(process, base, mine, at, until))

        if world.now > until:
            call = {"f": "release", "group": GROUP, "member": base["member"], "partitions": mine}
            world.call(process, call, lambda: ("ok", {}, {"node": 0}))
            return
        what = chance.random()
        if what < 0.2 or not mine:
            world.call(process, {"f": "heartbeat", **base}, lambda: ("ok", {}, {"node": 0}), again)
            return
        partition = chance.choice(mine)
        if what < 0.6:
            self.read(process, partition, at, again)
        else:
            self.commit(process, base, partition, at[partition], again)

    def read(self, process: str, partition: str, at: dict[str, int], again: Any) -> None:
        log = self.world.logs[partition]
        start = at[partition]
        call = {"f": "poll", "partition": partition, "from": start, "records": []}
        call |= {"highWatermark": -1, "logStartOffset": -1}

        def effect() -> tuple[str, dict[str, Any], dict[str, Any]]:
            records = log.read(start, log.end, 10)
            if records:
                at[partition] = records[-1][0] + 1
            back = {"records": records, "highWatermark": log.end, "logStartOffset": log.start}
            return "ok", back, {"node": log.leader}

        self.world.call(process, call, effect, again)

    def commit(self, process: str, base: dict[str, Any], partition: str, offset: int, again: Any) -> None:
        chance = self.world.chance
        self.tags += 1
        tag = f"{process}.{self.tags}"
        call = {"f": "commit", **base, "partition": partition, "offset": offset, "tag": tag}
        fate = chance.random()

        def effect() -> tuple[str, dict[str, Any], dict[str, Any]]:
            if fate < 0.9:
                self.committed[partition] = (offset, tag)
            outcome = "ok" if fate < 0.8 else "info" if fate < 0.95 else "fail"
            return outcome, {}, {"node": 0}

        self.world.call(process, call, effect, again)

    def observe(self) -> None:
        world = self.world
        if world.now > world.end + 8_000:
            return
        partition = world.chance.choice(PARTITIONS)
        call = {"f": "committed", "group": GROUP, "partition": partition, "offset": -1, "tag": ""}

        def effect() -> tuple[str, dict[str, Any], dict[str, Any]]:
            offset, tag = self.committed.get(partition, (-1, ""))
            return "ok", {"offset": offset, "tag": tag}, {"node": 0}

        world.call("observer", call, effect, lambda o, b: world.at(100, self.observe))


def consume_in_group(world: World) -> None:
    group = Group(world)
    group.round(2)
    group.observe()
