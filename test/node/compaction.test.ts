/** Compaction in a whole cluster: what goes, what stays, on every replica and for every reader. */
import { describe, expect, test } from "bun:test"
import type { Partition } from "../../src/partition/partition.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { buildBatch } from "../../src/protocol/record.ts"
import type { RecordInput } from "../../src/protocol/record.ts"
import { createTopic, leaderOf, untilLed } from "../support/clients.ts"
import { readTable, tableOf } from "../support/compacted.ts"
import { World } from "../support/world.ts"

const eager = {
  "cleanup.policy": "compact",
  "segment.ms": "1000",
  "min.cleanable.dirty.ratio": "0.1",
  "delete.retention.ms": "5000",
}

function begun(configs: Record<string, string> = {}, seed = 7) {
  const settings = { cleanerBackoffMs: 500 }
  const world = new World({ seed, settings }).startAll().untilReady()
  createTopic(world, "t", { configs: { ...eager, ...configs } })
  const leader = untilLed(world, "t")
  world.run(100)
  return { world, leader }
}

function partitionAt(world: World, at: number): Partition {
  const group = world.node(at).image.topics.get("t")?.partitions[0]?.group
  const partition = group === undefined ? undefined : world.node(at).partition(group)
  if (partition === undefined) throw new Error(`no replica at broker ${at}`)
  return partition
}

const replicas = (world: World) => world.running().map(({ id }) => partitionAt(world, id))

function write(world: World, records: ReadonlyArray<RecordInput>, at = leaderOf(world, "t")) {
  const stamped = records.map((record) => ({ timestamp: world.nowMs, ...record }))
  const response = world.call(at, produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [
      { name: "t", partitionData: [{ index: 0, records: buildBatch({ records: stamped }) }] },
    ],
  })
  expect(response.responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
}

/** Something to write after, so that what is before may go. */
const more = (world: World) => write(world, [{ key: `more-${world.nowMs}`, value: "x" }])

const tables = (world: World) => replicas(world).map((replica) => readTable(replica))

const keysOf = (world: World, prefix: string) =>
  tables(world).map((records) =>
    records.filter(({ key }) => key.startsWith(prefix)).map(({ key, value }) => `${key}=${value}`),
  )

const three = <A>(value: A): Array<A> => [value, value, value]

describe("a compacted topic", () => {
  test("keeps the last value of each key, on every replica", () => {
    const { world } = begun()
    for (let n = 0; n < 50; n++) {
      write(world, [
        { key: `k${n % 5}`, value: `v${n}` },
        { key: "other", value: `o${n}` },
      ])
    }
    const before = replicas(world).map(({ sizeBytes }) => sizeBytes)
    world.run(6000)
    write(world, [{ key: "last", value: "x" }])
    world.run(6000)
    for (const [at, replica] of replicas(world).entries()) {
      const records = readTable(replica)
      expect(records.map(({ key }) => key)).toEqual(["k0", "k1", "k2", "k3", "k4", "other", "last"])
      expect(tableOf(records).get("other")).toBe("o49")
      expect(replica.highWatermark).toBe(101)
      expect(replica.compactionDue).toBe(false)
      expect(replica.sizeBytes).toBeLessThan((before[at] ?? 0) / 5)
    }
  })

  test("never takes the last batch, whatever the key: consumers learn there where the log ends", () => {
    const { world } = begun({ "segment.ms": "1" })
    for (let n = 0; n < 5; n++) write(world, [{ key: "k", value: `v${n}` }])
    world.run(8000)
    expect(keysOf(world, "k")).toEqual(three(["k=v3", "k=v4"]))
    for (const replica of replicas(world)) {
      for (let offset = 0; offset < 5; offset++) {
        expect(replica.read(offset, 1, true).batches).toHaveLength(1)
      }
    }
  })

  test("a reader in the middle goes on, and by time it finds what is left", () => {
    const { world } = begun()
    const times: Array<number> = []
    for (let n = 0; n < 20; n++) {
      times.push(world.nowMs)
      write(world, [{ key: n % 4 === 0 ? `own${n}` : "k", value: `v${n}` }])
      world.run(50)
    }
    world.run(2000)
    more(world)
    world.run(6000)
    const left = [0, 4, 8, 12, 16, 19, 20]
    for (const replica of replicas(world)) {
      expect(readTable(replica).map(({ offset }) => offset)).toEqual(left)
      for (let from = 0; from < 20; from++) {
        const next = left.filter((offset) => offset >= from)
        expect(readTable(replica, from).map(({ offset }) => offset)).toEqual(next)
        expect(replica.offsetForTimestamp(times[from] ?? 0)?.offset).toBe(next[0])
        expect(replica.readableBytes(from, 1)).toBe(1)
      }
      expect(replica.offsetOfMaxTimestamp()?.offset).toBe(20)
    }
  })

  test("waits for a segment, for min.compaction.lag.ms, and for enough that is dirty", () => {
    const { world } = begun({ "segment.ms": "4000", "min.compaction.lag.ms": "6000" })
    for (let n = 0; n < 6; n++) write(world, [{ key: "k", value: `v${n}` }])
    world.run(5000)
    more(world)
    expect(keysOf(world, "k")[0]).toHaveLength(6)
    world.run(4000)
    expect(keysOf(world, "k")).toEqual(three(["k=v5"]))
    const large = "x".repeat(2000)
    const ratio = begun({ "min.cleanable.dirty.ratio": "0.9" })
    for (let n = 0; n < 9; n++) write(ratio.world, [{ key: `big${n}`, value: large }])
    ratio.world.run(2500)
    for (let n = 0; n < 9; n++) write(ratio.world, [{ key: "k", value: `v${n}` }])
    ratio.world.run(6000)
    more(ratio.world)
    ratio.world.run(4000)
    expect(keysOf(ratio.world, "k")[0]).toHaveLength(9)
  })

  test("does not wait longer than max.compaction.lag.ms", () => {
    const lazy = { "segment.ms": "3600000", "min.cleanable.dirty.ratio": "1.0" }
    const { world } = begun({ ...lazy, "max.compaction.lag.ms": "3000" })
    for (let n = 0; n < 6; n++) write(world, [{ key: "k", value: `v${n}` }])
    more(world)
    world.run(2000)
    expect(keysOf(world, "k")[0]).toHaveLength(6)
    world.run(4000)
    expect(keysOf(world, "k")).toEqual(three(["k=v5"]))
  })

  test("is not compacted where the policy does not say so, or the cleaner is off", () => {
    const { world } = begun({ "cleanup.policy": "delete" })
    for (let n = 0; n < 6; n++) write(world, [{ key: "k", value: `v${n}` }])
    world.run(5000)
    more(world)
    world.run(4000)
    expect(keysOf(world, "k")[0]).toHaveLength(6)
  })
})

describe("tombstones", () => {
  test("take their key along, and go themselves delete.retention.ms after that", () => {
    const { world } = begun()
    write(world, [{ key: "a", value: "1" }])
    write(world, [{ key: "a", value: null }])
    world.run(2000)
    more(world)
    world.run(3000)
    expect(keysOf(world, "a")).toEqual(three(["a=null"]))
    world.run(8000)
    expect(keysOf(world, "a")).toEqual(three([]))
  })

  test("stay while a replica is away, that may still have an older value", () => {
    const { world, leader } = begun()
    const away = (leader + 1) % 3
    for (let n = 0; n < 4; n++) write(world, [{ key: "a", value: `${n}` }])
    world.run(200)
    world.crash(away)
    world.run(2000)
    write(world, [{ key: "a", value: null }])
    world.run(2000)
    more(world)
    world.run(30_000)
    const both = replicas(world).map((replica) =>
      readTable(replica).flatMap(({ key, value }) => (key === "a" ? [value] : [])),
    )
    expect(both).toEqual([[null], [null]])
    world.start(away)
    world.run(20_000)
    expect(keysOf(world, "a")).toEqual(three([]))
    expect(tables(world).map((records) => tableOf(records).has("a"))).toEqual(three(false))
  })

  test("a new replica gets what is left, and counts before others go", () => {
    const { world, leader } = begun()
    for (let n = 0; n < 4; n++) write(world, [{ key: `a${n}`, value: "1" }])
    for (let n = 0; n < 4; n++) write(world, [{ key: `a${n}`, value: null }])
    world.run(2000)
    more(world)
    world.run(12_000)
    const wiped = (leader + 1) % 3
    world.crash(wiped)
    world.run(3000)
    world.wipe(wiped)
    world.start(wiped)
    world.run(15_000)
    write(world, [{ key: "b", value: "1" }])
    write(world, [{ key: "b", value: null }])
    world.run(2000)
    more(world)
    world.run(20_000)
    expect(keysOf(world, "a")).toEqual(three([]))
    expect(keysOf(world, "b")).toEqual(three([]))
  })
})

describe("an old copy of a disk", () => {
  test("from before a deletion brings nothing back: its log is fetched anew", () => {
    const { world, leader } = begun()
    const old = (leader + 1) % 3
    write(world, [{ key: "a", value: "1" }])
    write(world, [{ key: "b", value: "1" }])
    world.run(300)
    world.inject({ _tag: "backup", atMs: 0, node: old })
    world.run(100)
    write(world, [{ key: "a", value: null }])
    for (let n = 0; n < 4; n++) {
      world.run(1500)
      more(world)
    }
    world.run(10_000)
    expect(keysOf(world, "a")).toEqual(three([]))
    world.inject({ _tag: "restore", atMs: 0, node: old, sentinel: true, downMs: 500 })
    world.run(20_000)
    expect(keysOf(world, "a")).toEqual(three([]))
    expect(keysOf(world, "b")).toEqual(three(["b=1"]))
    expect(partitionAt(world, old).compactionDue).toBe(false)
  })
})

describe("a crash", () => {
  test("in the middle of a round: it is carried out after the start, and only then told", () => {
    const { world, leader } = begun()
    for (let n = 0; n < 30; n++) write(world, [{ key: `k${n % 3}`, value: `v${n}` }])
    world.run(1100)
    more(world)
    const at = (leader + 2) % 3
    world.runUntil(() => partitionAt(world, at).compactionDue, 10_000, "a round")
    world.crash(at)
    world.run(1000)
    world.start(at)
    world.run(10_000)
    expect(keysOf(world, "k")).toEqual(three(["k0=v27", "k1=v28", "k2=v29"]))
    world.crash(at)
    world.start(at)
    world.run(1000)
    // It is on the disk that this was done.
    expect(partitionAt(world, at).compactionDue).toBe(false)
  })
})
