import { describe, expect, test } from "bun:test"
import { LeaderEpochs } from "../../src/partition/leader-epochs.ts"
import { TestCluster } from "./cluster.ts"

const undefinedEnd = { leaderEpoch: -1, endOffset: -1 }

// Epochs 2, 5 and 9 begin at 0, 10 and 25; the log ends at 30.
const table = (): LeaderEpochs => {
  const epochs = new LeaderEpochs()
  for (const [epoch, offset] of [
    [2, 0],
    [2, 4],
    [5, 10],
    [9, 25],
    [9, 29],
  ] as const) {
    epochs.apply(epoch, offset)
  }
  return epochs
}

describe("epoch → end offset", () => {
  test("the latest ends where the log ends, an older one where the next begins", () => {
    expect(table().endOffsetFor(9, 30)).toEqual({ leaderEpoch: 9, endOffset: 30 })
    expect(table().endOffsetFor(5, 30)).toEqual({ leaderEpoch: 5, endOffset: 25 })
    expect(table().endOffsetFor(2, 30)).toEqual({ leaderEpoch: 2, endOffset: 10 })
  })

  test("one that never wrote is answered by the largest before it", () => {
    expect(table().endOffsetFor(7, 30)).toEqual({ leaderEpoch: 5, endOffset: 25 })
    expect(table().endOffsetFor(3, 30)).toEqual({ leaderEpoch: 2, endOffset: 10 })
  })

  test("one before all ends where the first begins, one after all and -1 are unknown", () => {
    expect(table().endOffsetFor(0, 30)).toEqual({ leaderEpoch: 0, endOffset: 0 })
    expect(table().endOffsetFor(10, 30)).toEqual(undefinedEnd)
    expect(table().endOffsetFor(-1, 30)).toEqual(undefinedEnd)
    expect(new LeaderEpochs().endOffsetFor(0, 0)).toEqual(undefinedEnd)
  })

  test("the epoch of an offset is the one that wrote it", () => {
    const epochs = table()
    expect([0, 9, 10, 24, 25, 30].map((offset) => epochs.epochOf(offset))).toEqual([
      2, 2, 5, 5, 9, 9,
    ])
    expect(epochs.epochOf(-1)).toBe(-1)
  })

  test("an epoch without records leaves no trace once another has begun", () => {
    const epochs = table()
    for (let epoch = 10; epoch < 1000; epoch++) epochs.apply(epoch, 30)
    expect(epochs.snapshot().map(({ epoch }) => epoch)).toEqual([2, 5, 9, 999])
    expect(epochs.endOffsetFor(500, 30)).toEqual({ leaderEpoch: 9, endOffset: 30 })
  })
})

test("over changes of leader: the end of each epoch as committed, equal on every replica", () => {
  const cluster = new TestCluster()
  const epochs: Array<number> = []
  for (const node of [0, 1, 2]) {
    const leader = cluster.elect(node)
    epochs.push(leader.leaderEpoch)
    cluster.produced(leader)
    cluster.produced(leader)
  }
  cluster.tick(8)
  for (const node of [0, 1, 2]) {
    const ends = epochs.map((epoch) => cluster.at(node).endOffsetForEpoch(epoch).endOffset)
    expect(ends).toEqual([2, 4, 6])
  }
})
