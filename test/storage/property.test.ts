/**
 * The two logs against each other: any sequence of commits, overwrites, drops and reopens looks the
 * same in both.
 */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import type { Entry } from "../../raft/types.ts"
import type { GroupWrite, SqliteWalLimits, Wal } from "../../storage/index.ts"
import { configuration, data, hardState, noop } from "./entries.ts"
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

type Step =
  | { readonly _tag: "commit"; readonly appends: ReadonlyArray<Append> }
  | { readonly _tag: "drop"; readonly group: number }
  | { readonly _tag: "durable" }
  | { readonly _tag: "reopen" }

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
    arbitrary: fc.record({ _tag: fc.constant("drop"), group: fc.constantFrom(...groups) }),
  },
  { weight: 3, arbitrary: fc.constant({ _tag: "durable" }) },
  { weight: 2, arbitrary: fc.constant({ _tag: "reopen" }) },
)

const limits: fc.Arbitrary<Partial<SqliteWalLimits>> = fc.record({
  rowBytesMax: fc.constantFrom(1, 100, 1000, 100_000),
  slabBytes: fc.constantFrom(64, 300, 4096),
  cacheBytes: fc.constantFrom(0, 600, 2000, 1_000_000),
  directoryCacheBytes: fc.constantFrom(0, 500, 1_000_000),
  transactionBytesMax: fc.constantFrom(1, 200, 1_000_000),
})

function writesOf(wal: Wal, appends: ReadonlyArray<Append>): ReadonlyArray<GroupWrite> {
  return appends.map((part) => {
    const log = wal.log(part.group)
    const first = Math.max(1, log.lastIndex + 1 - part.back)
    const before = log.metas(first - 1, first, 1)[0]
    const term = Math.max(1, before?.term ?? 1) + part.termsUp
    const entries: Array<Entry> = []
    let lastOffset = before?.lastOffset ?? -1
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

test("SQLite and memory agree on any history", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), limits, async (steps, chosen) => {
      let memory: OpenWal = openMemory()
      let sqlite: OpenWal = await openSqlite(chosen)
      try {
        for (const next of steps) {
          if (next._tag === "commit") {
            const writes = writesOf(memory.wal, next.appends)
            expect(sqlite.wal.commit(writes)).toBe(memory.wal.commit(writes))
          } else if (next._tag === "drop") {
            memory.wal.drop(next.group)
            sqlite.wal.drop(next.group)
          } else if (next._tag === "durable") {
            // The waiting itself is an empty commit on the SQLite side.
            memory.wal.commit([])
            await Promise.all([memory.durable(), sqlite.durable()])
          } else {
            expectSame(sqlite.wal, memory.wal, groups)
            memory = await memory.reopen()
            sqlite = await sqlite.reopen()
          }
          expectSame(sqlite.wal, memory.wal, groups)
        }
        memory = await memory.reopen()
        sqlite = await sqlite.reopen()
        expectSame(sqlite.wal, memory.wal, groups)
      } finally {
        await sqlite.dispose()
      }
    }),
    { numRuns: 60, endOnFailure: false },
  )
}, 60_000)
