import { describe, expect, test } from "bun:test"
import { countByWindow, filter, map } from "../../examples/stream.ts"

/** The operators of the examples on streams. */

async function* stream<A>(...all: ReadonlyArray<A>) {
  yield* all
}

const at = (timestamp: number, key: string) => ({ timestamp, key })

describe("operators on streams", () => {
  test("filter and map keep the order", async () => {
    const even = filter(stream(1, 2, 3, 4), (n) => n % 2 === 0)
    expect(await Array.fromAsync(map(even, (n) => `${n}!`))).toEqual(["2!", "4!"])
  })

  test("counts by key in windows that follow one another", async () => {
    const source = stream(at(10, "a"), at(12, "b"), at(19, "a"), at(20, "a"), at(45, "b"))
    expect(await Array.fromAsync(countByWindow(source, 10))).toEqual([
      { startMs: 10, counts: new Map(Object.entries({ a: 2, b: 1 })) },
      { startMs: 20, counts: new Map([["a", 1]]) },
      { startMs: 40, counts: new Map([["b", 1]]) },
    ])
  })

  test("gives a window as soon as a later record comes, and none for an empty stream", async () => {
    const given: Array<number> = []
    async function* source() {
      for (const timestamp of [1, 2, 11, 12]) {
        given.push(timestamp)
        yield at(timestamp, "k")
      }
    }
    for await (const window of countByWindow(source(), 10)) {
      expect(window).toEqual({ startMs: 0, counts: new Map([["k", 2]]) })
      break
    }
    expect(given).toEqual([1, 2, 11])
    expect(await Array.fromAsync(countByWindow(stream(), 10))).toEqual([])
  })
})
