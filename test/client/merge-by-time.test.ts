import { describe, expect, test } from "bun:test"
import { array, assert, asyncProperty, nat } from "fast-check"
import { mergeByTime } from "../../src/client/merge-by-time.ts"

interface Timed {
  readonly timestamp: number
  readonly source: number
  readonly n: number
}

const sourcesOf = (timestamps: ReadonlyArray<ReadonlyArray<number>>) =>
  timestamps.map((list, source) => list.map((timestamp, n): Timed => ({ timestamp, source, n })))

const lists = array(array(nat(20), { maxLength: 8 }), { maxLength: 5 })

async function* broken() {
  yield { timestamp: 1 }
  throw new Error("the disk is gone")
}

describe("a merge of partitions by time", () => {
  test("gives every record once, and keeps the order of each source", async () => {
    await assert(
      asyncProperty(lists, async (timestamps) => {
        const sources = sourcesOf(timestamps)
        const merged = await Array.fromAsync(mergeByTime(sources))
        const apart = sources.map((_, source) => merged.filter((one) => one.source === source))
        expect(apart).toEqual(sources)
      }),
    )
  })

  test("is in the order of time where each source is; the earlier source first among equals", async () => {
    await assert(
      asyncProperty(lists, async (timestamps) => {
        const sources = sourcesOf(timestamps.map((list) => list.toSorted((a, b) => a - b)))
        const merged = await Array.fromAsync(mergeByTime(sources))
        const expected = sources
          .flat()
          .toSorted((a, b) => a.timestamp - b.timestamp || a.source - b.source || a.n - b.n)
        expect(merged).toEqual(expected)
      }),
    )
  })

  test("reads no further than it has to, and closes its sources when nobody reads on", async () => {
    const given: Array<number> = []
    let closed = 0
    async function* source(timestamps: ReadonlyArray<number>) {
      try {
        for (const timestamp of timestamps) {
          given.push(timestamp)
          yield { timestamp }
        }
      } finally {
        closed += 1
      }
    }
    for await (const { timestamp } of mergeByTime([source([1, 4, 9]), source([2, 3, 8])])) {
      if (timestamp === 2) break
    }
    expect(given).toEqual([1, 2, 4])
    expect(closed).toBe(2)
  })

  test("fails as a source fails", async () => {
    const merged = mergeByTime([broken(), [{ timestamp: 5 }]])
    expect((await merged.next()).value).toEqual({ timestamp: 1 })
    expect(await merged.next().catch(String)).toBe("Error: the disk is gone")
  })
})
