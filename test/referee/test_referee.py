"""The smallest histories of each anomaly. `python3 -m unittest` in this folder."""

from __future__ import annotations

import json
import unittest
from typing import Any

from history import BrokenHistory, read_history
from referee import judge

P = "t#0123abcd/0"


class Script:
    """Operations one after the other, unless `at` says when."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.clock = 0
        self.count = 0

    def do(
        self,
        process: str,
        call: dict[str, Any],
        back: dict[str, Any] | None = None,
        outcome: str = "ok",
        at: tuple[int, int] | None = None,
        **told: Any,
    ) -> None:
        begin, end = at if at is not None else (self.clock + 1, self.clock + 2)
        self.clock = max(self.clock, end)
        op, self.count = self.count, self.count + 1
        self.lines.append(json.dumps({"t": begin, "p": process, "type": "invoke", "op": op, "call": call}))
        if outcome != "pending":
            line = {"t": end, "p": process, "type": outcome, "op": op, "call": back or {}, **told}
            self.lines.append(json.dumps(line))

    def append(self, values: list[str], offset: int, outcome: str = "ok", **more: Any) -> None:
        producer = more.pop("producer", {"id": 1, "epoch": 0, "baseSequence": offset})
        at = more.pop("at", None)
        call = {"f": "append", "partition": P, "values": values, "acks": -1, "producer": producer}
        call |= {"timestampMs": 5, "offset": -1, **more}
        self.do("p0", call, {"offset": offset}, outcome, at, attempts=1)

    def poll(self, start: int, records: list[tuple[int, str]], watermark: int, **told: Any) -> None:
        call = {"f": "poll", "partition": P, "from": start, "records": []}
        back = {"records": [[o, v, 1] for o, v in records], "highWatermark": watermark, "logStartOffset": 0}
        self.do("c0", {**call, "highWatermark": -1, "logStartOffset": -1}, back, **told)

    def drain(self, values: list[str], start: int = 0, node: int = 0, **more: Any) -> None:
        records = [[start + i, v, 1] for i, v in enumerate(values)]
        call = {"f": "drain", "partition": P, "records": records, "logStartOffset": start}
        self.do(f"drain@{node}", {**call, "highWatermark": start + len(values), **more}, node=node)

    def commit(self, offset: int, tag: str, outcome: str = "ok", **more: Any) -> None:
        call = {"f": "commit", "group": "g", "partition": P, "offset": offset, "tag": tag}
        told = {k: more.pop(k) for k in ("at",) if k in more}
        self.do("g.0", {**call, "member": "m", "generation": -1, **more}, None, outcome, **told)

    def committed(self, offset: int, tag: str) -> None:
        call = {"f": "committed", "group": "g", "partition": P, "offset": offset, "tag": tag}
        self.do("o", call)

    def assign(self, member: str, generation: int, partitions: list[str], **more: Any) -> None:
        call = {"f": "assign", "protocol": "classic", "group": "g", "member": member}
        self.do(member, {**call, "generation": generation, "partitions": partitions, **more})

    def kinds(self) -> list[str]:
        return sorted({a["kind"] for a in judge(read_history(self.lines))["anomalies"]})


class Log(unittest.TestCase):
    def script(self) -> Script:
        script = Script()
        script.append(["a", "b"], 0)
        script.append(["c"], 2)
        return script

    def test_valid(self) -> None:
        script = self.script()
        script.poll(0, [(0, "a"), (1, "b"), (2, "c")], 3)
        script.drain(["a", "b", "c"])
        script.drain(["c"], 2, node=1)
        self.assertEqual(script.kinds(), [])

    def test_lost(self) -> None:
        script = self.script()
        script.drain(["a", "b"])
        self.assertEqual(script.kinds(), ["lost-write"])

    def test_removed_is_not_lost(self) -> None:
        script = self.script()
        script.drain(["c"], 2)
        self.assertEqual(script.kinds(), [])

    def test_compacted(self) -> None:
        script = Script()
        script.append(["a"], 0, keys=["k"])
        script.append(["b"], 1, keys=["k"])
        call = {"records": [[1, "b", 1]], "highWatermark": 2, "compacted": True}
        script.drain([], **call)
        self.assertEqual(script.kinds(), [])
        script = Script()
        script.append(["a"], 0, keys=["k"])
        script.append(["b"], 1, keys=["k"])
        script.drain([], **{**call, "records": [[0, "a", 1]]})
        self.assertEqual(script.kinds(), ["lost-write"])

    def test_read_then_lost(self) -> None:
        script = Script()
        script.append(["a"], 0, outcome="info")
        script.poll(0, [(0, "a")], 1)
        script.drain([])
        self.assertIn("read-then-lost", script.kinds())

    def test_inconsistent(self) -> None:
        script = self.script()
        script.poll(0, [(0, "b")], 3)
        self.assertIn("inconsistent-offsets", script.kinds())

    def test_duplicate(self) -> None:
        for allowed in (False, True):
            script = Script()
            more: dict[str, Any] = {"producer": None, "duplicates": "allowed"} if allowed else {}
            script.append(["a"], 0, **more)
            script.drain(["a", "a"])
            self.assertEqual(script.kinds(), [] if allowed else ["duplicate"])

    def test_aborted(self) -> None:
        script = self.script()
        script.append(["d"], 3, outcome="fail")
        script.drain(["a", "b", "c", "d"])
        self.assertEqual(script.kinds(), ["aborted-read"])

    def test_real_time(self) -> None:
        script = Script()
        script.append(["a"], 1)
        script.append(["b"], 0, producer={"id": 2, "epoch": 0, "baseSequence": 0})
        self.assertEqual(script.kinds(), ["realtime-order"])

    def test_touching_is_concurrent(self) -> None:
        script = Script()
        script.append(["a"], 1, at=(1, 5), producer=None)
        script.append(["b"], 0, at=(5, 7), producer=None)
        self.assertEqual(script.kinds(), [])

    def test_skips(self) -> None:
        script = self.script()
        script.drain(["a", "b", "c"])
        script.poll(0, [(0, "a"), (2, "c")], 3)
        self.assertEqual(script.kinds(), ["int-poll-skip"])
        script.poll(0, [(1, "b")], 3)
        self.assertEqual(script.kinds(), ["int-poll-skip", "poll-skip"])
        script.poll(0, [(1, "b"), (0, "a")], 3)
        self.assertIn("int-nonmonotonic-poll", script.kinds())

    def test_watermark(self) -> None:
        script = self.script()
        script.poll(0, [(0, "a")], 3, node=1, conn=4)
        script.poll(1, [(1, "b")], 2, node=1, conn=4)
        self.assertEqual(script.kinds(), ["high-watermark-regress"])
        script.poll(2, [(2, "c")], 2)
        self.assertIn("above-high-watermark", script.kinds())

    def test_fenced_append(self) -> None:
        script = Script()
        script.append(["a"], 0, producer={"id": 1, "epoch": 1, "baseSequence": 0})
        script.append(["b"], 1, producer={"id": 1, "epoch": 0, "baseSequence": 0})
        script.drain(["a", "b"])
        self.assertEqual(script.kinds(), ["fenced-append"])

    def test_replicas(self) -> None:
        script = Script()
        script.append(["a"], 0, outcome="info")
        script.drain(["a"])
        script.drain(["x"], node=1)
        self.assertIn("replica-divergence", script.kinds())


class Groups(unittest.TestCase):
    def test_register(self) -> None:
        script = Script()
        script.committed(-1, "")
        script.commit(1, "a")
        script.commit(2, "b", outcome="info")
        script.committed(1, "a")
        script.committed(2, "b")
        self.assertEqual(script.kinds(), [])
        script.committed(1, "a")
        self.assertEqual(script.kinds(), ["stale-commit"])

    def test_forgotten(self) -> None:
        script = Script()
        script.commit(1, "a")
        script.committed(-1, "")
        self.assertEqual(script.kinds(), ["stale-commit"])

    def test_phantom(self) -> None:
        script = Script()
        script.commit(1, "a", outcome="fail")
        script.committed(1, "a")
        self.assertEqual(script.kinds(), ["phantom-commit"])

    def test_two_owners(self) -> None:
        script = Script()
        script.assign("m", 1, [P])
        script.assign("n", 1, [P])
        self.assertEqual(script.kinds(), ["two-owners"])

    def test_overlap(self) -> None:
        script = Script()
        script.assign("m", 1, [P], timeoutMs=1)
        script.assign("n", 2, [P], timeoutMs=1)
        self.assertEqual(script.kinds(), ["owners-overlap"])

    def test_fenced(self) -> None:
        script = Script()
        script.assign("m", 1, [])
        script.assign("m", 2, [])
        script.commit(0, "a", generation=1)
        self.assertEqual(script.kinds(), ["fenced-commit"])

    def test_skipped(self) -> None:
        script = Script()
        script.append(["a"], 0)
        script.drain(["a"])
        script.commit(1, "a")
        self.assertEqual(script.kinds(), ["skipped-record"])


class Metadata(unittest.TestCase):
    def topics(self, leader: int, epoch: int, identity: str = "aa") -> dict[str, Any]:
        partitions = [{"leader": leader, "epoch": epoch}]
        return {"topics": [{"name": "t", "id": identity, "partitions": partitions}], "missing": []}

    def test_leaders(self) -> None:
        script = Script()
        script.do("w", {"f": "metadata", **self.topics(1, 3)}, conn=1)
        script.do("w", {"f": "metadata", **self.topics(2, 3)}, conn=2)
        self.assertEqual(script.kinds(), ["two-leaders"])

    def test_backwards(self) -> None:
        script = Script()
        script.do("w", {"f": "metadata", **self.topics(1, 3)}, conn=1)
        script.do("w", {"f": "metadata", "topics": [], "missing": ["t"]}, conn=1)
        script.do("w", {"f": "metadata", **self.topics(1, 3)}, conn=1)
        self.assertEqual(script.kinds(), ["metadata-regress"])


class File(unittest.TestCase):
    def test_broken(self) -> None:
        script = Script()
        script.append(["a"], 0)
        read_history([*script.lines, '{"t":1'])
        with self.assertRaises(BrokenHistory):
            read_history([script.lines[1]])
        with self.assertRaises(BrokenHistory):
            read_history(["{", *script.lines])


if __name__ == "__main__":
    unittest.main()
