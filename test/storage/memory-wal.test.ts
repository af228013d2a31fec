/** What only the log in memory has: chosen fsyncs and power cuts. */
import { describe, expect, test } from "bun:test"
import { CorruptEntry, MemoryWal } from "../../storage/index.ts"
import { hardState, run } from "./entries.ts"

function threeCommits() {
  const reported: Array<number> = []
  const wal = new MemoryWal({ onDurable: (through) => void reported.push(through) })
  wal.commit([{ group: 1, entries: run(2, 1, -1), hardState: hardState(1) }])
  wal.commit([
    { group: 1, entries: run(1, 2, 0, { term: 2 }) },
    { group: 2, entries: run(1, 1, -1) },
  ])
  wal.commit([{ group: 1, entries: run(1, 3, 1, { term: 3 }), hardState: hardState(3) }])
  return { wal, reported }
}

const heights = (wal: MemoryWal) => [1, 2].map((group) => wal.log(group).lastIndex)

describe("flush", () => {
  test("nothing is durable by itself", () => {
    const { wal, reported } = threeCommits()
    expect(reported).toEqual([])
    expect(wal.pendingCommits).toBe(3)
    expect(heights(wal.crash())).toEqual([0, 0])
  })

  test("reports the last commit it made durable, and nothing when there was none", () => {
    const { wal, reported } = threeCommits()
    wal.flush(2)
    wal.flush(0)
    wal.flush()
    wal.flush()
    expect(reported).toEqual([2, 3])
    expect(wal.pendingBytes).toBe(0)
  })
})

describe("crash", () => {
  test("keeps what is durable and the chosen number of commits behind it", () => {
    const kept = [0, 1, 2, 9].map((keep) => {
      const { wal } = threeCommits()
      wal.flush(1)
      const after = wal.crash(keep)
      return [...heights(after), after.log(1).term(2), after.log(1).hardState.term]
    })
    expect(kept).toEqual([
      [2, 0, 1, 1],
      [2, 1, 2, 1],
      [3, 1, 2, 3],
      [3, 1, 2, 3],
    ])
  })

  test("a drop is lost or kept with its place among the commits", () => {
    const drops = [0, 1, 2].map((keep) => {
      const wal = new MemoryWal({ onDurable: () => {} })
      wal.commit([{ group: 1, entries: run(2, 1, -1) }])
      wal.flush()
      wal.commit([{ group: 2, entries: run(1, 1, -1) }])
      wal.drop(1)
      wal.commit([{ group: 2, entries: run(1, 2, 0) }])
      const after = wal.crash(keep)
      return [...heights(after), after.wasDropped(1)]
    })
    expect(drops).toEqual([
      [2, 0, false],
      [0, 1, true],
      [0, 2, true],
    ])
  })

  test("the reopened log counts from 1 and reports to its own listener", () => {
    const { wal, reported } = threeCommits()
    const later: Array<number> = []
    const after = wal.crash(1, { onDurable: (through) => void later.push(through) })
    expect(after.commit([])).toBe(1)
    after.flush()
    expect([reported, later]).toEqual([[], [1]])
  })
})

describe("the journal", () => {
  test("a bad frame takes the last durable commits, and what is behind them", () => {
    const { wal } = threeCommits()
    wal.flush()
    const after = wal.crash({ lose: 2 })
    expect([heights(after), after.unclean]).toEqual([[2, 0], true])
    expect(heights(wal.crash({ lose: 99 }))).toEqual([0, 0])
  })

  test("reaches back 64 changes at most: older ones are in the file", () => {
    const wal = new MemoryWal({ onDurable: () => {} })
    for (let n = 0; n < 100; n++) wal.commit([{ group: 1, entries: run(1, n + 1, n - 1) }])
    wal.flush()
    expect(wal.crash({ lose: 1000 }).log(1).lastIndex).toBe(36)
    expect(wal.crash({ lose: 1 }).log(1).lastIndex).toBe(99)
  })
})

describe("rot", () => {
  test("is thrown by reads, survives a crash, and goes with the entry", () => {
    const { wal } = threeCommits()
    wal.flush()
    expect([wal.damage(1, 2), wal.damage(1, 9)]).toEqual([true, false])
    const after = wal.crash()
    expect(() => after.log(1).entries(1, 9, 1000)).toThrow(CorruptEntry)
    expect(after.log(1).entries(1, 2, 1000).length).toBe(1)
    after.amputate(1, 2)
    after.commit([{ group: 1, entries: run(1, 2, 0, { term: 9 }) }])
    expect(after.log(1).entries(1, 9, 1000).length).toBe(2)
    expect(after.log(1).hardState.standing).toBe("recovering")
  })

  test("is not in a copy of the disk that was made before", () => {
    const { wal } = threeCommits()
    wal.flush()
    const copy = wal.copy()
    wal.damage(1, 1)
    expect(copy.log(1).entries(1, 9, 1000).length).toBe(3)
  })
})

test("whatever a power cut leaves of a log being retired, its vote is there", () => {
  const { wal } = threeCommits()
  wal.commit([{ group: 1, entries: [], hardState: hardState(4, "a") }])
  wal.flush()
  wal.retire(1)
  const after = [wal.crash(), wal.crash({ keep: 1 })].map((left) => {
    const { lastIndex, hardState: promised } = left.log(1)
    return [lastIndex, promised.term, promised.votedFor, promised.standing]
  })
  expect(after).toEqual([
    [3, 4, "a", "trusted"],
    [0, 4, "a", "recovering"],
  ])
})

test("a log just opened is restated as the verdict has it, for good", () => {
  const { wal } = threeCommits()
  wal.flush()
  const after = wal.crash()
  after.restate(1, { ...hardState(7), standing: "amnesiac" }, 1)
  const again = after.crash()
  expect([again.log(1).lastIndex, again.log(1).hardState.standing]).toEqual([1, "amnesiac"])
  expect([again.log(1).hardState.term, again.log(2).lastIndex]).toEqual([7, 1])
})
