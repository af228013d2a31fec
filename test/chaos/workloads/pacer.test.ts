import { describe, expect, test } from "bun:test"
import type { ProducerClient, RecordShape } from "../../../src/chaos/drivers/client.ts"
import { partitionsOf } from "../../../src/chaos/drivers/partition.ts"
import { Pacer } from "../../../src/chaos/workloads/pacer.ts"
import { until } from "../../../scripts/harness/until.ts"

const refs = partitionsOf({ name: "t", id: "0123456789abcdef", partitions: 3 })
const compacted = partitionsOf({
  name: "c",
  id: "1123456789abcdef",
  partitions: 1,
  isCompacted: true,
})

function taking(take: (records: ReadonlyArray<RecordShape>) => boolean): ProducerClient {
  return {
    control: {
      name: "p",
      role: "producer",
      pid: undefined,
      operations: 0,
      pause: () => undefined,
      resume: () => undefined,
    },
    outstanding: 0,
    produce: (_, records) => take(records),
    stop: () => undefined,
    dispose: () => Promise.resolve(),
  }
}

/** A clock that a test sets; the pacer looks at it every ten milliseconds of real time. */
class Clock {
  ms = 0
  nowMs(): number {
    return this.ms
  }
  sleep(): Promise<void> {
    return Promise.resolve()
  }
}

/** What is offered when so much time has passed at once. */
async function offered(ms: number, rate: number, share: { refs: typeof refs; takes: boolean }) {
  const clock = new Clock()
  const records: Array<RecordShape> = []
  let looks = 0
  const client = taking((own) => {
    looks++
    records.push(...own)
    return share.takes
  })
  const pacer = new Pacer(clock, rate, [{ client, refs: share.refs, weight: 1, recordsMax: 4 }], 3)
  pacer.start()
  clock.ms = ms
  await until("an offer", () => looks > 0, { everyMs: 2 })
  pacer.stop()
  return { records, heldBack: pacer.heldBack }
}

describe("the pacer", () => {
  test("offers what is due, whatever becomes of it", async () => {
    const { records, heldBack } = await offered(200, 500, { refs, takes: true })
    expect(records.length).toBeGreaterThanOrEqual(100)
    expect(records.length).toBeLessThanOrEqual(103)
    expect(heldBack).toBe(0)
  })

  test("counts what nobody took, and keeps nothing of it", async () => {
    const { records, heldBack } = await offered(200, 500, { refs, takes: false })
    expect(heldBack).toBe(records.length)
  })

  test("does not make up for a long stall", async () => {
    const { records } = await offered(60_000, 500, { refs, takes: true })
    expect(records.length).toBeLessThanOrEqual(253)
  })

  test("gives every record of a compacted topic a key, and deletes some", async () => {
    const { records } = await offered(500, 4000, { refs: compacted, takes: true })
    expect(records.every(({ key }) => key !== null)).toBe(true)
    const deleted = records.filter(({ isTombstone }) => isTombstone === true).length
    expect(deleted).toBeGreaterThan(0)
    expect(deleted).toBeLessThan(records.length / 4)
  })

  test("stops when what it offers cannot be recorded any more", async () => {
    const clock = new Clock()
    let offers = 0
    const client = taking(() => {
      offers++
      throw new Error("a history of 0 operations is full")
    })
    const pacer = new Pacer(clock, 500, [{ client, refs, weight: 1, recordsMax: 1 }], 3)
    pacer.start()
    clock.ms = 100
    await until("an offer", () => offers > 0, { everyMs: 2 })
    clock.ms = 200
    await Bun.sleep(30)
    expect(offers).toBe(1)
  })
})
