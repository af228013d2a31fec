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

describe("a compacted topic", () => {
  test("keeps the last value of each key, on every replica", () => {
    const { world } = begun()
    for (let n = 0; n < 50; n++) {
      write(world, [
        { key: `k${n % 5}`, value: `v${n}` },
        { key: "other", value: `o${n}` },
      ])
    }
    world.run(6000)
    write(world, [{ key: "last", value: "x" }])
    world.run(6000)
    for (const replica of replicas(world)) {
      const records = readTable(replica)
      expect(records.map(({ key }) => key)).toEqual(["k0", "k1", "k2", "k3", "k4", "other", "last"])
      expect(tableOf(records).get("other")).toBe("o49")
      expect(replica.highWatermark).toBe(101)
      expect(replica.compactionDue).toBe(false)
    }
  })
})
