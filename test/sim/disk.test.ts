/**
 * The simulated disk: what a crash keeps, what faults take, and what the shipped verdict says then.
 */
import { describe, expect, test } from "bun:test"
import { sealEntry } from "../../raft/entry.ts"
import { emptyHardState } from "../../raft/types.ts"
import type { Entry, HardState } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import { SimDisk } from "../../src/sim/disk.ts"
import { Engine } from "../../src/sim/engine.ts"

const quiet = { wrote: () => {}, rewrote: () => {}, compacted: () => {} }

const newDisk = (seed = 1, torn = false): { readonly engine: Engine; readonly disk: SimDisk } => {
  const engine = new Engine(seed)
  const disk = new SimDisk(engine, { fsyncMs: [1, 4], torn }, "0", quiet)
  disk.open()
  return { engine, disk }
}

const entry = (index: number, term = 1): Entry =>
  sealEntry("data", term, index, 1, {
    appendMs: 1,
    firstOffset: index - 1,
    lastOffset: index - 1,
    maxTimestamp: 1,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    payload: Buffer.from(`entry ${index}`),
  })

const hard = (term: number, votedFor: string | null = null): HardState => ({
  ...emptyHardState,
  term,
  votedFor,
  acceptedTerm: term,
})

function append(disk: SimDisk, from: number, to: number, term = 1): void {
  for (let index = from; index <= to; index++) {
    disk.commit([{ group: 3, entries: [entry(index, term)], hardState: hard(term, "a") }])
  }
}

function sync(disk: SimDisk): void {
  disk.beginSync()
  disk.endSync()
}

const standing = (disk: SimDisk) => disk.log(3).hardState.standing

describe("fsync", () => {
  test("a standing that was given back counts from then on", () => {
    const { disk } = newDisk()
    const restand = (given: HardState["standing"]) =>
      disk.commit([{ group: 3, entries: [], hardState: { ...hard(1), standing: given } }])
    restand("recovering")
    sync(disk)
    restand("trusted")
    expect([disk.isTrusted(3), disk.isSynced(3)]).toEqual([false, false])
    disk.commit([{ group: 4, entries: [], hardState: hard(1) }])
    sync(disk)
    expect([disk.isTrusted(3), disk.isSynced(3)]).toEqual([true, true])
    restand("trusted")
    expect(disk.isTrusted(3)).toBe(true)
  })

  test("makes durable what was there when it began, and nothing that came later", () => {
    const { disk } = newDisk()
    append(disk, 1, 3)
    expect(disk.beginSync()).toBeGreaterThanOrEqual(1000)
    append(disk, 4, 5)
    expect(disk.beginSync()).toBeUndefined()
    expect(disk.endSync()).toBe(3)
    expect(disk.pendingCommits).toBe(2)
    disk.crash(0)
    expect(disk.log(3).lastIndex).toBe(3)
  })

  test("that fails says nothing is durable; it may be there all the same", () => {
    const ends = new Set<number>()
    for (let seed = 1; seed <= 60; seed++) {
      const { disk } = newDisk(seed, true)
      append(disk, 1, 2)
      sync(disk)
      append(disk, 3, 4)
      disk.failNextSync = true
      disk.beginSync()
      expect(disk.endSync()).toBeUndefined()
      disk.crash()
      ends.add(disk.log(3).lastIndex)
    }
    expect([...ends].sort((a, b) => a - b)).toEqual([2, 3, 4])
  })
})

describe("a crash", () => {
  test("keeps a prefix of what was not durable, and the log is believed", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const { disk } = newDisk(seed)
      append(disk, 1, 5)
      sync(disk)
      append(disk, 6, 9)
      if (seed % 2 === 0) disk.beginSync()
      disk.crash()
      const { lastIndex } = disk.log(3)
      expect(lastIndex).toBeGreaterThanOrEqual(5)
      expect(disk.unclean).toBe(true)
      expect(disk.open()).toEqual([])
      expect(standing(disk)).toBe("trusted")
      expect(disk.log(3).lastIndex).toBe(lastIndex)
      append(disk, lastIndex + 1, lastIndex + 2)
    }
  })

  test("never forgets a vote that was durable", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const { disk } = newDisk(seed)
      append(disk, 1, 2)
      sync(disk)
      disk.commit([{ group: 3, entries: [], hardState: hard(4, "b") }])
      sync(disk)
      disk.commit([{ group: 3, entries: [], hardState: hard(5, "c") }])
      disk.crash()
      // Even if the journal's end is gone: the sentinel has it.
      disk.loseTail(3)
      disk.open()
      const { term, votedFor } = disk.log(3).hardState
      expect([4, 5]).toContain(term)
      expect(votedFor).toBe(term === 4 ? "b" : "c")
      expect(standing(disk)).toBe("recovering")
    }
  })
})

describe("faults", () => {
  test("a lost tail makes every group of the journal recovering", () => {
    const { disk } = newDisk()
    append(disk, 1, 10)
    sync(disk)
    disk.crash(0)
    expect(disk.loseTail(4)).toBe(true)
    expect(disk.log(3).lastIndex).toBe(6)
    expect(disk.open()[0]).toContain("group 3 is recovering")
    expect(standing(disk)).toBe("recovering")
  })

  test("a log closed in order has no tail to lose", () => {
    const { disk } = newDisk()
    append(disk, 1, 10)
    disk.close()
    expect(disk.loseTail(4)).toBe(false)
    expect(disk.open()).toEqual([])
    expect([disk.unclean, disk.log(3).lastIndex]).toEqual([false, 10])
  })

  test("a lost sentinel makes it amnesiac", () => {
    const { disk } = newDisk()
    append(disk, 1, 3)
    disk.close()
    disk.loseSentinel()
    disk.open()
    expect(standing(disk)).toBe("amnesiac")
  })

  test("an old copy under today's sentinel is found, with its own it is not", () => {
    for (const own of [false, true]) {
      const { disk } = newDisk()
      append(disk, 1, 3)
      sync(disk)
      disk.takeBackup()
      append(disk, 4, 8, 2)
      disk.close()
      expect(disk.restore(own)).toBe(true)
      disk.open()
      expect(disk.log(3).lastIndex).toBe(3)
      expect(standing(disk)).toBe(own ? "trusted" : "recovering")
    }
  })

  test("damage throws when it is read, for ever, until the entry is gone", () => {
    const { disk } = newDisk()
    append(disk, 1, 4)
    sync(disk)
    expect(disk.damage(2)).toBe(true)
    expect(disk.firstDamaged()).toEqual({ group: 3, index: 3 })
    expect(() => disk.log(3).entries(1, 5, 1000)).toThrow(CorruptEntry)
    expect(disk.log(3).entries(1, 3, 1000).length).toBe(2)
    disk.amputate(3, 3)
    expect(standing(disk)).toBe("recovering")
    expect(disk.log(3).lastIndex).toBe(2)
    append(disk, 3, 4)
    expect(disk.log(3).entries(1, 5, 1000).length).toBe(4)
  })

  test("damage goes with an entry that another leader's replaces", () => {
    const { disk } = newDisk()
    append(disk, 1, 4)
    disk.damage(3)
    append(disk, 3, 4, 2)
    expect(
      disk
        .log(3)
        .entries(1, 5, 1000)
        .map(({ term }) => term),
    ).toEqual([1, 1, 2, 2])
  })

  test("damage is found at an open, or later", () => {
    const found = new Set<string>()
    for (let seed = 1; seed <= 40; seed++) {
      const { disk } = newDisk(seed)
      append(disk, 1, 4)
      disk.close()
      disk.damage(2)
      disk.open()
      found.add(`${standing(disk)} ${disk.log(3).lastIndex} ${disk.damagedGroups().length}`)
    }
    expect([...found].sort()).toEqual(["recovering 2 0", "trusted 4 1"])
  })

  test("a new disk knows nothing and is not accused of it", () => {
    const { disk } = newDisk()
    append(disk, 1, 4)
    disk.crash(0)
    disk.wipe()
    expect(disk.open()).toEqual([])
    expect(disk.groups()).toEqual([])
  })

  test("a dropped group is not missed", () => {
    const { disk } = newDisk()
    append(disk, 1, 4)
    sync(disk)
    append(disk, 5, 6)
    disk.drop(3)
    disk.close()
    expect(disk.open()).toEqual([])
    expect(disk.log(3).lastIndex).toBe(0)
    expect(disk.wasDropped(3)).toBe(true)
    disk.wipe()
    expect(disk.wasDropped(3)).toBe(false)
  })
})
