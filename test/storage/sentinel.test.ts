/** The sentinel's file: what was written is what is read, or it says that it is damaged. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as fc from "fast-check"
import { Prng } from "../../raft/prng.ts"
import type { HardState } from "../../raft/types.ts"
import { readSentinel, SentinelFile, type SentinelContents } from "../../storage/sentinel-file.ts"
import { chainUnknown, lagMs, SentinelKeeper, type Changes } from "../../storage/sentinel.ts"
import type { GroupSentinel } from "../../storage/sentinel-record.ts"
import { folder } from "./shim/power.ts"

let dir = ""
let path = ""
beforeEach(() => {
  dir = folder("varve-")
  path = join(dir, "sentinel")
})
afterEach(() => rmSync(dir, { recursive: true }))

function contents(): SentinelContents {
  const found = readSentinel(path)
  if (found._tag !== "readable") throw new Error(found._tag)
  return found.contents
}

function state(term: number, patch: Partial<HardState> = {}): HardState {
  const votedFor = term % 3 === 0 ? null : `${term}:disk-é-${"x".repeat(term % 40)}`
  return { term, votedFor, commitIndex: term, acceptedTerm: term, standing: "trusted", ...patch }
}

function stateOf(term: number): Omit<GroupSentinel, "height" | "chain"> {
  const { acceptedTerm: _, ...rest } = state(term)
  return rest
}

const none: Changes = { dropped: [], rewrites: [], hardStates: [], ends: [] }

describe("the keeper", () => {
  test("writes a vote before it returns, a height only after a while", () => {
    const keeper = new SentinelKeeper(path, new Map(), false, 0)
    keeper.note({ ...none, hardStates: [[7, state(4)]], ends: [[7, 3, 33]] }, 10)
    const height = { acceptedTerm: 4, lastIndex: 3 }
    const known = { ...state(4), height, acceptedTerm: undefined }
    expect(contents().groups.get(7)).toMatchObject({
      term: 4,
      votedFor: known.votedFor ?? "",
      height,
    })
    keeper.note(
      { ...none, hardStates: [[7, state(4, { commitIndex: 9 })]], ends: [[7, 9, 99]] },
      20,
    )
    expect(contents().groups.get(7)?.height.lastIndex).toBe(3)
    expect(keeper.dueMs(20)).toBe(90)
    keeper.note({ ...none, ends: [[7, 12, 2 ** 51]] }, 20 + lagMs)
    expect(contents().groups.get(7)).toMatchObject({
      commitIndex: 9,
      chain: 2 ** 51,
      height: { lastIndex: 12 },
    })
    expect(keeper.dueMs(1000)).toBeUndefined()
  })

  test("writes a change of term, of vote, of standing at once, and a drop", () => {
    const keeper = new SentinelKeeper(path, new Map(), false, 1e9)
    const steps: ReadonlyArray<HardState> = [
      state(1),
      state(2),
      state(2, { votedFor: "another" }),
      state(2, { votedFor: "another", standing: "recovering" }),
    ]
    for (const step of steps) {
      keeper.note({ ...none, hardStates: [[1, step]] }, 1e9)
      const { term, votedFor, standing } = step
      expect(contents().groups.get(1)).toMatchObject({ term, votedFor, standing })
    }
    keeper.prepare({ ...none, dropped: [1] }, 1e9)
    expect(contents().groups.size).toBe(0)
  })

  test("lowers a height before the transaction that lowers it", () => {
    const keeper = new SentinelKeeper(path, new Map(), false, 0)
    keeper.note({ ...none, ends: [[1, 10, 1010]] }, 1e9)
    keeper.prepare({ ...none, rewrites: [[1, 11]] }, 1e9)
    expect(contents().groups.get(1)).toMatchObject({ height: { lastIndex: 10 }, chain: 1010 })
    keeper.prepare({ ...none, rewrites: [[1, 8]] }, 1e9)
    const lowered = { height: { lastIndex: 7 }, chain: chainUnknown }
    expect(contents().groups.get(1)).toMatchObject(lowered)
    keeper.note({ ...none, rewrites: [[1, 8]], ends: [[1, 12, 1212]] }, 2e9)
    expect(contents().groups.get(1)).toMatchObject({ height: { lastIndex: 12 }, chain: 1212 })
  })

  test("says how the log was closed, and forgets it once it is open again", () => {
    const keeper = new SentinelKeeper(path, new Map(), false, 0)
    keeper.note({ ...none, ends: [[3, 5, 55]] }, 1)
    expect(contents().closed).toBeUndefined()
    keeper.close("segment-000001.db 17")
    expect(contents()).toMatchObject({ closed: "segment-000001.db 17", suspect: false })
    const { groups } = contents()
    expect(groups.get(3)?.height.lastIndex).toBe(5)
    const next = new SentinelKeeper(path, new Map(groups), false, 0)
    expect(contents()).toMatchObject({ groups, closed: undefined, suspect: false })
    next.close("again")
  })

  test("reads back what was noted, over many generations and a growing file", () => {
    const prng = new Prng(3)
    const keeper = new SentinelKeeper(path, new Map(), false, 0)
    const expected = new Map<number, GroupSentinel>()
    const first = statSync(path).size
    for (let n = 1; n < 500; n++) {
      const group = prng.below(n)
      const hardState = state(n)
      keeper.note(
        { ...none, hardStates: [[group, hardState]], ends: [[group, n * 3, n * 7]] },
        n * 1000,
      )
      const { term, votedFor, commitIndex, standing } = hardState
      const height = { acceptedTerm: term, lastIndex: n * 3 }
      expected.set(group, { term, votedFor, commitIndex, standing, height, chain: n * 7 })
      if (n % 50 !== 0) continue
      const groups = Array.from({ length: 40 * n }, (_, at) => [1e6 + at, state(1)] as const)
      keeper.note({ ...none, hardStates: groups }, n * 1000)
      const dropped = groups.map(([member]) => member)
      keeper.prepare({ ...none, dropped }, n * 1000)
      expect(contents().groups).toEqual(expected)
    }
    expect(contents().groups).toEqual(expected)
    expect(statSync(path).size).toBeGreaterThan(first)
    expect(existsSync(`${path}.new`)).toBe(false)
  })
})

/** A file with some generations in it, and its contents. */
function writeSome(seed: number) {
  const prng = new Prng(seed)
  const groups = new Map<number, GroupSentinel>()
  const file = new SentinelFile(path, groups)
  for (let n = 1; n < 400; n++) {
    const group = prng.below(300)
    const height = { acceptedTerm: n, lastIndex: n }
    const sentinel: GroupSentinel = { ...stateOf(n), height, chain: n }
    groups.set(group, sentinel)
    file.write([{ _tag: "whole", group, sentinel }], groups)
  }
  file.close()
  return { bytes: readFileSync(path), contents: contents() }
}

describe("damage", () => {
  test("one flipped bit anywhere changes nothing", () => {
    const { bytes, contents: expected } = writeSome(1)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const copy = Buffer.from(bytes)
        copy.writeUInt8(copy.readUInt8(at) ^ (1 << bit), at)
        writeFileSync(path, copy)
        expect(contents()).toEqual(expected)
      }),
      { numRuns: 300, seed: 1 },
    )
  })

  test("one damaged range changes nothing", () => {
    const { bytes, contents: expected } = writeSome(2)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 60_000 }), (at, length) => {
        const copy = Buffer.from(bytes)
        copy.fill(at % 2 === 0 ? 0 : 0xa7, at, Math.min(at + length, copy.length))
        writeFileSync(path, copy)
        expect(contents()).toEqual(expected)
      }),
      { numRuns: 100, seed: 2 },
    )
  })

  test("both copies of a record that is not the last one: damaged", () => {
    const { bytes } = writeSome(2)
    const half = bytes.length / 2
    const records = [...bytes.subarray(0, half).toString("latin1").matchAll(/VSEN/g)]
    expect(records.length).toBeGreaterThan(100)
    const outcomes = new Set<string>()
    for (const { index } of records) {
      const copy = Buffer.from(bytes)
      copy.writeUInt8(copy.readUInt8(index + 40) ^ 1, index + 40)
      copy.writeUInt8(copy.readUInt8(half + index + 30) ^ 1, half + index + 30)
      writeFileSync(path, copy)
      const found = readSentinel(path)
      outcomes.add(found._tag)
      if (found._tag !== "readable") continue
      // What was the last record, or belongs to the generation before.
      expect(found.contents.groups.size).toBeGreaterThan(100)
    }
    expect([...outcomes].sort()).toEqual(["damaged", "readable"])
  })

  test("a write that was cut by a crash leaves what was before or is there", () => {
    const { bytes, contents: expected } = writeSome(3)
    const groups = new Map(expected.groups)
    const file = new SentinelFile(path, groups)
    const whole = readFileSync(path)
    const sentinel: GroupSentinel = {
      ...stateOf(999),
      height: { acceptedTerm: 999, lastIndex: 1 },
      chain: 5,
    }
    file.write([{ _tag: "whole", group: 5, sentinel }], groups)
    file.close()
    const after = readFileSync(path)
    const prng = new Prng(9)
    expect(bytes.length).toBe(whole.length)
    for (let n = 0; n < 200; n++) {
      const torn = Buffer.from(whole)
      for (let at = 0; at < torn.length; at += 512) {
        if (prng.below(2) === 0) after.copy(torn, at, at, at + 512)
      }
      writeFileSync(path, torn)
      const term = contents().groups.get(5)?.term
      expect([groups.get(5)?.term, 999]).toContain(term ?? -1)
    }
  })

  test("an empty, a short, a strange file is damaged; none is absent", () => {
    expect(readSentinel(path)).toEqual({ _tag: "absent" })
    for (const bytes of ["", "short", "x".repeat(100_000)]) {
      writeFileSync(path, bytes)
      expect(readSentinel(path)).toEqual({ _tag: "damaged" })
    }
  })
})
