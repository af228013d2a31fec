/** Groups and metadata as clients that say little tell them. */
import { expect, test } from "bun:test"
import type { AnomalyKind } from "../../../src/chaos/checkers/index.ts"
import { Story, x, y } from "./story.ts"
import type { How } from "./story.ts"

class GroupStory extends Story {
  join(member: string, generation: number, how?: How): this {
    const call = { f: "join", group: "g", member, generation } as const
    return this.op(`raw-${member}`, call, {}, how)
  }

  assign(member: string, generation: number, partitions: ReadonlyArray<string>, how?: How): this {
    const call = { f: "assign", protocol: "classic", group: "g", member, generation } as const
    return this.op(`raw-${member}`, { ...call, partitions, timeoutMs: 100 }, {}, how)
  }

  heartbeat(member: string, how?: How): this {
    const call = { f: "heartbeat", group: "g", member, generation: -1 } as const
    return this.op(`raw-${member}`, call, {}, how)
  }

  release(member: string, partitions: ReadonlyArray<string>, how?: How): this {
    const call = { f: "release", group: "g", member, partitions } as const
    return this.op(`raw-${member}`, call, {}, how)
  }

  commit(offset: number, tag: string, how?: How): this {
    const call = { f: "commit", group: "g", partition: x, offset, tag } as const
    return this.op("raw-m0", { ...call, member: "m0", generation: -1 }, {}, how)
  }

  committed(offset: number, tag: string, how?: How): this {
    const call = { f: "committed", group: "g", partition: x, offset: -1, tag: "" } as const
    return this.op("harness-observer", call, { offset, tag }, how)
  }

  metadata(id: string, leader: number, epoch: number): this {
    const topics = [{ name: "t", id, partitions: [{ leader, epoch }] }]
    return this.op("raw-probe", { f: "metadata", topics: [], missing: [] }, { topics })
  }
}

const tell = (): GroupStory => new GroupStory()
const info = { told: { outcome: "info" } } as const

const valid: Readonly<Record<string, () => GroupStory>> = {
  "a rebalance whose generations nobody tells": () =>
    tell()
      .join("m0", -1)
      .assign("m0", -1, [x, y])
      .join("m0", -1)
      .join("m1", -1)
      .assign("m0", -1, [x])
      .assign("m1", -1, [y]),
  "generations that some tell and others do not": () =>
    tell().assign("m0", 4, [x]).join("m1", -1).commit(0, "t").assign("m1", -1, [y]),
  "a partition that was given up before": () =>
    tell().assign("m0", 4, [x, y]).release("m0", [y]).assign("m1", 5, [y]),
  "a partition of a member that was silent for long enough": () =>
    tell()
      .assign("m0", 4, [x], { at: [0, 10] })
      .heartbeat("m0", { at: [50, 60] })
      .assign("m1", 5, [x], { at: [130, 151] }),
  "a heartbeat that was not answered is no sign of life": () =>
    tell()
      .assign("m0", 4, [x], { at: [0, 10] })
      .heartbeat("m0", { at: [90, 120], ...info })
      .assign("m1", 5, [x], { at: [100, 121] }),
  "a member that is let in again keeps what it owns": () =>
    tell().assign("m0", 4, [x]).assign("m0", 5, [x]),
  "commits without tags, told apart by their offsets": () =>
    tell().commit(3, "").commit(7, "").committed(7, "").commit(3, "").committed(3, ""),
  "one of two equal commits may have come later": () =>
    tell().commit(3, "", info).commit(7, "").commit(3, "", info).committed(3, ""),
  "a commit of unknown outcome, told and then overwritten": () =>
    tell().commit(3, "a").commit(5, "b", info).committed(5, "b").commit(6, "c").committed(6, "c"),
  "nothing is committed yet": () => tell().committed(-1, "").commit(3, "a").committed(3, "a"),
  "leaders whose epochs are not told, topics whose ids are not told": () =>
    tell().metadata("", 0, -1).metadata("", 1, -1).metadata("", 0, -1),
}

test.each(Object.entries(valid))("valid: %s", (_, story) => {
  expect(story().kinds).toEqual([])
})

const invalid: ReadonlyArray<readonly [string, AnomalyKind, () => GroupStory]> = [
  [
    "a member that was just heard of has lost its partition",
    "owners-overlap",
    () =>
      tell()
        .assign("m0", -1, [x], { at: [0, 10] })
        .heartbeat("m0", { at: [50, 60] })
        .assign("m1", -1, [x], { at: [130, 149] }),
  ],
  [
    "a member has lost a partition, having given up another",
    "owners-overlap",
    () => tell().assign("m0", 4, [x, y]).release("m0", [y]).assign("m1", 5, [x]),
  ],
  [
    "two owners",
    "two-owners",
    () =>
      tell()
        .assign("m0", 4, [x])
        .assign("m1", 4, [x], { at: [200, 210] }),
  ],
  [
    "commits without tags, and an older one is told",
    "stale-commit",
    () => tell().commit(3, "").commit(7, "").committed(3, ""),
  ],
  [
    "an offset that nobody has committed, and no tags",
    "uncommitted-offset",
    () => tell().commit(3, "").committed(4, ""),
  ],
  [
    "all commits of the offset were refused",
    "aborted-commit",
    () =>
      tell()
        .commit(3, "", { told: { outcome: "fail" } })
        .committed(3, ""),
  ],
  ["commits are gone", "lost-commits", () => tell().commit(3, "").committed(-1, "")],
  [
    "a commit that was seen is gone",
    "stale-commit",
    () => tell().commit(3, "a").commit(5, "b", info).committed(5, "b").committed(3, "a"),
  ],
  ["two leaders of one epoch", "two-leaders", () => tell().metadata("", 0, 3).metadata("", 1, 3)],
  ["an epoch that falls", "epoch-regress", () => tell().metadata("", 0, 3).metadata("", 1, 2)],
  [
    "a topic that is back",
    "resurrected-topic",
    () => tell().metadata("old", 0, 1).metadata("new", 0, 1).metadata("old", 0, 1),
  ],
  [
    "a group that has committed past what it was given",
    "skipped-record",
    () =>
      tell()
        .send("a b", 0)
        .read({ 0: "a" }, { group: "g", process: "kafkajs-member-0" })
        .commit(2, "t")
        .drain({ 0: "a", 1: "b" }),
  ],
]

test.each([...invalid])("%s: %s", (_, kind, story) => {
  expect(story().kinds).toEqual([kind])
})
