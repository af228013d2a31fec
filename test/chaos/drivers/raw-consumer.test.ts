import { afterEach, describe, expect, test } from "bun:test"
import { RawConsumer } from "../../../src/chaos/drivers/raw/consumer.ts"
import type { ConsumerShape } from "../../../src/chaos/drivers/raw/consumer.ts"
import { noQuirks, quirksOf } from "../../../src/chaos/drivers/raw/quirks.ts"
import { seenIn } from "../../../src/chaos/drivers/raw/seen-records.ts"
import { valueOf } from "../../../src/chaos/history/values.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { buildBatch } from "../../../src/protocol/record.ts"
import { until } from "../../../scripts/harness/until.ts"
import { fetchOffsetOf, ref, topic, World } from "./raw-fixture.ts"

const shape: ConsumerShape = {
  thinkMs: 1,
  maxWaitMs: 1,
  bytesMax: 1000,
  followerPercent: 0,
  rewindPerTenThousand: 0,
  quirks: noQuirks,
}

const open: Array<RawConsumer> = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((consumer) => consumer.dispose()))
})

function consume(world: World, own: ConsumerShape = shape): RawConsumer {
  const made = new RawConsumer("raw-consumer-0", world.ports, [ref], own)
  open.push(made)
  made.start()
  return made
}

const batch = (baseOffset: number, ...names: ReadonlyArray<string>) =>
  buildBatch({
    baseOffset,
    partitionLeaderEpoch: 5,
    records: names.map((name) => ({ value: valueOf(name, 40), timestamp: 1 })),
  })

const fetched = (errorCode: number, records: Uint8Array | null = null, more: object = {}) => {
  const unknown = { highWatermark: errorCode === 0 ? 8 : -1, logStartOffset: 0, ...more }
  const partitions = [{ partitionIndex: 0, errorCode, records, ...unknown }]
  return { responses: [{ topic: topic.name, topicId: topic.id, partitions }] }
}

const polled = (world: World, count: number) =>
  until("polls", () => world.polls.filter(({ outcome }) => outcome !== "pending").length >= count, {
    everyMs: 2,
    timeoutMs: 4000,
  })

describe("a raw consumer", () => {
  test("reads on from where the last batch ended, and records every answer", async () => {
    const world = new World((asked) =>
      fetchOffsetOf(asked) === 0 ? fetched(0, batch(0, "a", "b")) : fetched(0),
    )
    consume(world)
    await polled(world, 2)
    const [one, two] = world.polls
    expect(one).toMatchObject({
      process: "raw-consumer-0",
      from: 0,
      highWatermark: 8,
      logStartOffset: 0,
      records: [
        [0, "a", 5],
        [1, "b", 5],
      ],
    })
    expect(two).toMatchObject({ from: 2, records: [] })
    expect(world.saw).toBe(2)
  })

  test("goes to the front of the log where its offset is gone", async () => {
    const world = new World((asked) => {
      if (asked.api === "ListOffsets") {
        const partitions = [{ partitionIndex: 0, errorCode: 0, offset: 6, timestamp: -1 }]
        return { topics: [{ name: topic.name, partitions }] }
      }
      return fetchOffsetOf(asked) < 6 ? fetched(ErrorCode.OFFSET_OUT_OF_RANGE) : fetched(0)
    })
    consume(world)
    await polled(world, 2)
    expect(world.polls[0]).toMatchObject({ outcome: "fail", error: "OFFSET_OUT_OF_RANGE" })
    expect(world.polls[1]).toMatchObject({ outcome: "ok", from: 6 })
  })

  test("says when it is told that what it read is not there", async () => {
    const world = new World((asked) =>
      fetchOffsetOf(asked) === 0
        ? fetched(0, batch(0, "a"))
        : fetched(0, null, { divergingEpoch: { epoch: 4, endOffset: 0 } }),
    )
    consume(world)
    await until("the verdict", () => world.polls.some(({ error }) => error === "DIVERGING_EPOCH"), {
      timeoutMs: 4000,
      everyMs: 2,
    })
    const diverged = world.polls.find(({ error }) => error === "DIVERGING_EPOCH")
    expect(diverged).toMatchObject({ outcome: "fail", from: 1 })
  })

  test("takes a follower's refusal for nothing where followers may be behind", async () => {
    const world = new World((asked) =>
      asked.node === world.leader ? fetched(0) : fetched(ErrorCode.OFFSET_OUT_OF_RANGE),
    )
    consume(world, { ...shape, followerPercent: 100, quirks: quirksOf("kafka") })
    await until("a refusal", () => world.polls.some(({ error }) => error !== ""), {
      timeoutMs: 4000,
      everyMs: 2,
    })
    expect(world.polls.filter(({ outcome }) => outcome === "fail")).toEqual([])
    expect(world.polls.find(({ error }) => error !== "")?.outcome).toBe("info")
  })

  test("takes a watermark for old where records may lie beyond it, and only there", async () => {
    for (const [quirks, told] of [
      [noQuirks, 1],
      [quirksOf("kafka"), 2],
    ] as const) {
      const world = new World(() => fetched(0, batch(0, "a", "b"), { highWatermark: 1 }))
      consume(world, { ...shape, quirks })
      await polled(world, 1)
      expect(world.polls[0]?.highWatermark).toBe(told)
    }
  })

  test("asks again when nothing came back", async () => {
    let asked = 0
    const world = new World(() => (asked++ === 0 ? "lost" : fetched(0)))
    consume(world)
    await polled(world, 2)
    expect(world.polls.map(({ outcome }) => outcome).slice(0, 2)).toEqual(["info", "ok"])
    expect(world.polls[1]?.connection).not.toBe(world.polls[0]?.connection)
  })
})

describe("records of an answer", () => {
  test("begin where they were asked for, and go on behind the last batch", () => {
    const bytes = Buffer.concat([batch(3, "a", "b"), batch(5, "c")])
    expect(seenIn(bytes, 4)).toEqual({
      records: [
        [4, "b", 5],
        [5, "c", 5],
      ],
      next: 6,
    })
    expect(seenIn(null, 4)).toEqual({ records: [], next: 4 })
  })

  test("a batch whose bytes changed is told as what it is", () => {
    const bytes = batch(3, "a")
    const last = bytes.length - 3
    bytes[last] = (bytes[last] ?? 0) ^ 1
    expect(seenIn(bytes, 3).records).toEqual([[3, "?damaged batch", 5]])
  })
})
