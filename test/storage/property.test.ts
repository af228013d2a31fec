/**
 * The two logs against each other: any sequence of commits, overwrites, drops and reopens looks the
 * same in both.
 */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { withKept } from "../../raft/entry.ts"
import type { Entry } from "../../raft/types.ts"
import type { GroupWrite, SqliteWalLimits, Wal } from "../../storage/index.ts"
import { checkpointAt, configuration, data, hardState, noop, snapshotAt } from "./entries.ts"
import { openMemory, openSqlite, type OpenWal } from "./open-wals.ts"
import { expectSame } from "./same-logs.ts"

const groups = [0, 1, 2]

interface Append {
  readonly group: number
  /** How many of the last entries are overwritten. */
  readonly back: number
  readonly termsUp: number
  readonly kinds: ReadonlyArray<"data" | "noop" | "configuration">
  readonly bytes: number
  readonly maxTimestamp: number
  readonly withHardState: boolean
}

interface Cut {
  readonly group: number
  /** From the log's end: below 0 is beyond it, an install. */
  readonly back: number
  readonly otherTerm: boolean
  readonly checkpoint: boolean
}

type Step =
  | { readonly _tag: "commit"; readonly appends: ReadonlyArray<Append> }
  | { readonly _tag: "drop" | "retire"; readonly group: number }
  | { readonly _tag: "cut"; readonly cut: Cut }
  | { readonly _tag: "checkpoint"; readonly group: number; readonly back: number }
  | { readonly _tag: "amputate"; readonly group: number; readonly back: number }
  | { readonly _tag: "compact"; readonly kept: ReadonlyArray<ReadonlyArray<number>> }
  | { readonly _tag: "durable" }
  | { readonly _tag: "reopen" }
  | { readonly _tag: "crash" }

const append: fc.Arbitrary<Append> = fc.record({
  group: fc.constantFrom(...groups),
  back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(8)),
  termsUp: fc.nat(1),
  kinds: fc.array(fc.constantFrom("data", "data", "data", "noop", "configuration"), {
    maxLength: 6,
  }),
  bytes: fc.nat(90),
  maxTimestamp: fc.integer({ min: 900, max: 1200 }),
  withHardState: fc.boolean(),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      _tag: fc.constant("commit"),
      appends: fc.uniqueArray(append, { maxLength: 3, selector: ({ group }) => group }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constantFrom("drop", "retire"),
      group: fc.constantFrom(...groups),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      _tag: fc.constant("cut"),
      cut: fc.record({
        group: fc.constantFrom(...groups),
        back: fc.integer({ min: -3, max: 8 }),
        otherTerm: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
        checkpoint: fc.boolean(),
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constantFrom("checkpoint", "amputate"),
      group: fc.constantFrom(...groups),
      back: fc.nat(6),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("compact"),
      kept: fc.array(fc.array(fc.nat(90), { maxLength: 12 }), {
        minLength: groups.length,
        maxLength: groups.length,
      }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ _tag: "durable" }) },
  { weight: 1, arbitrary: fc.constant({ _tag: "crash" }) },
  { weight: 2, arbitrary: fc.constant({ _tag: "reopen" }) },
)

const limits: fc.Arbitrary<Partial<SqliteWalLimits>> = fc.record({
  rowBytesMax: fc.constantFrom(1, 100, 1000, 100_000),
  slabBytes: fc.constantFrom(64, 300, 4096),
  cacheBytes: fc.constantFrom(0, 600, 2000, 1_000_000),
  directoryCacheBytes: fc.constantFrom(0, 500, 1_000_000),
  transactionBytesMax: fc.constantFrom(1, 200, 1_000_000),
  segmentBytes: fc.constantFrom(500, 2000, 10_000, 1_000_000),
})

function writesOf(wal: Wal, appends: ReadonlyArray<Append>): ReadonlyArray<GroupWrite> {
  return appends.map((part) => {
    const log = wal.log(part.group)
    const first = Math.max(log.firstIndex, log.lastIndex + 1 - part.back)
    const before = log.metas(first - 1, first, 1)[0] ?? log.cut
    const term = Math.max(1, before.term) + part.termsUp
    const entries: Array<Entry> = []
    let lastOffset = before.lastOffset
    for (const [n, kind] of part.kinds.entries()) {
      const { bytes, maxTimestamp } = part
      const entry =
        kind === "data"
          ? data(first + n, lastOffset, { term, bytes, maxTimestamp: maxTimestamp + n, records: n })
          : (kind === "noop" ? noop : configuration)(first + n, lastOffset, term)
      entries.push(entry)
      lastOffset = entry.lastOffset
    }
    const state = part.withHardState ? { hardState: hardState(term, `m${term}`) } : {}
    return { group: part.group, entries, ...state }
  })
}

/** Undefined where the log cannot be cut so. */
function cutOf(wal: Wal, { group, back, otherTerm, checkpoint }: Cut): GroupWrite | undefined {
  const log = wal.log(group)
  const index = log.lastIndex - back
  if (index <= log.cut.index) return undefined
  const held = log.metas(index, index + 1, 1)[0]
  const lastTerm = log.term(log.lastIndex) ?? 0
  const place =
    held !== undefined && !otherTerm
      ? held
      : { index, term: lastTerm + 1, lastOffset: log.lastOffset + 2, appendMs: log.lastAppendMs }
  const cut = snapshotAt(place)
  return {
    group,
    cut,
    entries: [],
    ...(checkpoint ? { checkpoint: checkpointAt(index, place.term) } : {}),
  }
}

/** The same change to a log; answers the commit's number where it has one. */
function change(wal: Wal, next: Step, writes: ReadonlyArray<GroupWrite>): number | undefined {
  if (next._tag === "commit" || next._tag === "cut" || next._tag === "checkpoint") {
    return wal.commit(writes)
  }
  if (next._tag === "amputate") {
    const log = wal.log(next.group)
    return wal.amputate(next.group, Math.max(log.firstIndex, log.lastIndex + 1 - next.back))
  }
  if (next._tag === "retire") return wal.retire(next.group)
  if (next._tag === "drop") wal.drop(next.group)
  return undefined
}

function writesOfStep(wal: Wal, next: Step): ReadonlyArray<GroupWrite> {
  if (next._tag === "commit") return writesOf(wal, next.appends)
  if (next._tag === "cut") {
    const write = cutOf(wal, next.cut)
    return write === undefined ? [] : [write]
  }
  if (next._tag !== "checkpoint") return []
  const log = wal.log(next.group)
  const index = Math.max(log.cut.index, log.lastIndex - next.back)
  const checkpoint = checkpointAt(index, log.term(index) ?? 0)
  return [{ group: next.group, entries: [], checkpoint }]
}

interface Both {
  readonly memory: OpenWal
  readonly sqlite: OpenWal
}

async function restarted({ memory, sqlite }: Both, how: "reopen" | "crash"): Promise<Both> {
  return { memory: await memory[how](), sqlite: await sqlite[how]() }
}

/** Each group's first entries keep so many bytes, where that is less; every other one all. */
async function compact(opened: OpenWal, kept: ReadonlyArray<ReadonlyArray<number>>) {
  const { wal } = opened
  const compaction = wal.compaction()
  for (const [group, bytes] of kept.entries()) {
    const log = wal.log(group)
    const entries = log.entries(log.firstIndex, log.firstIndex + bytes.length, Infinity)
    for (const [n, entry] of entries.entries()) {
      const left = bytes[n] ?? Infinity
      if (left >= entry.payload.length) continue
      compaction.keep(group, withKept(entry, entry.payload.slice(0, left)))
    }
  }
  const outcome = new Promise((resolve) => compaction.finish(resolve))
  await opened.durable()
  expect(await outcome).toBe("done")
  const { lastIndex } = wal.log(0)
  wal.commit([{ group: 0, entries: [], compacted: { index: lastIndex, tombstones: 1 } }])
}

async function applied(both: Both, next: Step): Promise<Both> {
  if (next._tag === "compact") {
    await compact(both.memory, next.kept)
    // The waiting itself is an empty commit on the SQLite side.
    both.memory.wal.commit([])
    await compact(both.sqlite, next.kept)
    return both
  }
  if (next._tag === "reopen" || next._tag === "crash") return restarted(both, next._tag)
  const { memory, sqlite } = both
  if (next._tag === "durable") {
    // The waiting itself is an empty commit on the SQLite side.
    memory.wal.commit([])
    await Promise.all([memory.durable(), sqlite.durable()])
    return both
  }
  const writes = writesOfStep(memory.wal, next)
  expect(change(sqlite.wal, next, writes)).toBe(change(memory.wal, next, writes))
  return both
}

test("SQLite and memory agree on any history", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), limits, async (steps, chosen) => {
      let both: Both = { memory: openMemory(), sqlite: await openSqlite(chosen) }
      try {
        for (const next of [...steps, { _tag: "reopen" } as const]) {
          both = await applied(both, next)
          expectSame(both.sqlite.wal, both.memory.wal, groups)
        }
      } finally {
        await both.sqlite.dispose()
      }
    }),
    // A slow machine does fewer.
    { numRuns: 80, interruptAfterTimeLimit: 30_000, endOnFailure: true },
  )
}, 60_000)
