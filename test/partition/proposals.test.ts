import { describe, expect, test } from "bun:test"
import { Proposals } from "../../src/partition/proposals.ts"

/** Waiters that write down what they are told. */
function told() {
  const outcomes: Array<string> = []
  const waiter = (name: string) => (outcome: { _tag: string }) =>
    void outcomes.push(`${name} ${outcome._tag}`)
  return { outcomes, waiter }
}

describe("proposals", () => {
  test("are settled in the order of the log, each when its entry is committed", () => {
    const { outcomes, waiter } = told()
    const proposals = new Proposals()
    for (const index of [5, 6, 7]) {
      proposals.awaitCommitted({ term: 2, index }, 10, waiter(`${index}`))
    }
    expect(proposals.committed(4, 2)).toBe(0)
    expect(outcomes).toEqual([])
    expect(proposals.committed(5, 2)).toBe(10)
    expect(proposals.committed(6, 2)).toBe(10)
    expect(outcomes).toEqual(["5 committed", "6 committed"])
    expect(proposals.bytes).toBe(10)
  })

  test("another leader's entry at the same index leaves the outcome unknown", () => {
    const { outcomes, waiter } = told()
    const proposals = new Proposals()
    proposals.awaitCommitted({ term: 2, index: 5 }, 10, waiter("5"))
    proposals.committed(5, 3)
    expect(outcomes).toEqual(["5 unknown"])
  })

  test("a waiter may come late for an early entry", () => {
    const { outcomes, waiter } = told()
    const proposals = new Proposals()
    proposals.awaitCommitted({ term: 2, index: 5 }, 1, waiter("5"))
    proposals.awaitCommitted({ term: 2, index: 7 }, 1, waiter("7"))
    proposals.awaitCommitted({ term: 2, index: 5 }, 0, waiter("5 again"))
    proposals.committed(5, 2)
    expect(outcomes).toEqual(["5 committed", "5 again committed"])
    expect(proposals.size).toBe(1)
  })

  test("durable ones are released up to the index, once", () => {
    const { outcomes, waiter } = told()
    const proposals = new Proposals()
    for (const index of [5, 6]) proposals.awaitDurable({ term: 2, index }, waiter(`${index}`))
    proposals.durable(5, 2)
    proposals.durable(5, 2)
    expect(outcomes).toEqual(["5 durable"])
    proposals.durable(6, 2)
    expect(outcomes).toEqual(["5 durable", "6 durable"])
  })

  test("with the leadership everything is unknown but what is known to be committed", () => {
    const { outcomes, waiter } = told()
    const proposals = new Proposals()
    for (const index of [5, 6, 7]) {
      proposals.awaitCommitted({ term: 2, index }, 10, waiter(`${index}`))
    }
    proposals.awaitDurable({ term: 2, index: 6 }, waiter("durable 6"))
    expect(proposals.leadershipLost(6)).toBe(20)
    expect(outcomes).toEqual(["6 unknown", "7 unknown", "durable 6 unknown"])
    proposals.committed(5, 2)
    expect(outcomes.at(-1)).toBe("5 committed")
    expect([proposals.size, proposals.bytes]).toEqual([0, 0])
  })

  test("a long queue keeps its order and forgets nothing", () => {
    const proposals = new Proposals()
    const seen: Array<number> = []
    for (let index = 1; index <= 5000; index++) {
      proposals.awaitCommitted({ term: 1, index }, 1, () => seen.push(index))
      if (index > 100) proposals.committed(index - 100, 1)
    }
    for (let index = 4901; index <= 5000; index++) proposals.committed(index, 1)
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1))
    expect(proposals.bytes).toBe(0)
  })
})
