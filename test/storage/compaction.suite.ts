/** What every log must do with entries of which less is to be stored. */
import { afterEach, describe, expect, test } from "bun:test"
import { isIntact, withKept } from "../../raft/entry.ts"
import type { Entry } from "../../raft/types.ts"
import type { GroupLog, Wal } from "../../storage/index.ts"
import { configuration, data, hardState, noop, plain, run, snapshotAt } from "./entries.ts"
import type { OpenWal } from "./open-wals.ts"

const everything = Number.MAX_SAFE_INTEGER

export const left = (entry: Entry, bytes: number): Entry =>
  withKept(entry, entry.payload.subarray(0, bytes))

export function compactionSuite(name: string, open: () => Promise<OpenWal>): void {
  describe(name, () => {
    let opened: OpenWal | undefined

    const start = async (): Promise<Wal> => {
      opened = await open()
      return opened.wal
    }
    const reopened = async (): Promise<Wal> => {
      if (opened === undefined) throw new Error("not open")
      opened = await opened.reopen()
      return opened.wal
    }

    afterEach(async () => {
      await opened?.dispose()
      opened = undefined
    })

    const compacted = async (kept: ReadonlyMap<number, ReadonlyArray<Entry>>) => {
      if (opened === undefined) throw new Error("not open")
      const compaction = opened.wal.compaction()
      for (const [group, entries] of kept) {
        for (const entry of entries) compaction.keep(group, entry)
      }
      const outcomes: Array<string> = []
      compaction.finish((outcome) => outcomes.push(outcome))
      for (let tries = 0; tries < 2000 && outcomes.length === 0; tries++) {
        await opened.durable()
        await Bun.sleep(1)
      }
      expect(outcomes).toEqual(["done"])
    }

    /** Runs the check at once and after a reopen. */
    const always = async (wal: Wal, check: (wal: Wal) => void): Promise<void> => {
      check(wal)
      check(await reopened())
    }

    test("less of some entries: identity, offsets and neighbours are as they were", async () => {
      const wal = await start()
      const entries = [noop(1, -1), ...run(6, 2, -1, { bytes: 400 }), configuration(8, 5)]
      wal.commit([{ group: 1, entries, hardState: hardState(1) }])
      wal.commit([{ group: 2, entries: run(4, 1, -1, { bytes: 100 }) }])
      const kept = [left(entries[2]!, 120), left(entries[3]!, 0), left(entries[5]!, 399)]
      await compacted(new Map([[1, kept]]))
      const expected = entries.map(
        (entry) => kept.find((one) => one.index === entry.index) ?? entry,
      )
      await always(wal, (at) => {
        expectKept(at.log(1), expected)
        expectKept(at.log(2), run(4, 1, -1, { bytes: 100 }))
        expect(at.log(1).lastOffset).toBe(5)
        expect([0, 1, 2, 5].map((offset) => at.log(1).indexOfOffset(offset))).toEqual([2, 3, 4, 7])
        expect(at.log(1).hardState).toEqual(hardState(1))
      })
    })

    test("and again less, of entries that are compacted already", async () => {
      const wal = await start()
      const entries = run(5, 1, -1, { bytes: 300 })
      wal.commit([{ group: 1, entries }])
      const once = entries.map((entry) => left(entry, 200))
      await compacted(new Map([[1, once]]))
      const twice = [left(once[0]!, 0), left(once[4]!, 10)]
      await compacted(new Map([[1, twice]]))
      const expected = [twice[0]!, ...once.slice(1, 4), twice[1]!]
      await always(wal, (at) => expectKept(at.log(1), expected))
    })

    test("the log goes on behind it, in the same place of the hash chain", async () => {
      let wal = await start()
      const entries = run(4, 1, -1, { bytes: 50 })
      wal.commit([{ group: 1, entries }])
      const kept = entries.map((entry) => left(entry, 0))
      await compacted(new Map([[1, kept]]))
      const more = run(3, 5, 3, { bytes: 60 })
      wal.commit([{ group: 1, entries: more }])
      wal = await reopened()
      await always(wal, (at) => expectKept(at.log(1), [...kept, ...more]))
    })

    test("entries that come without what was appended are stored so", async () => {
      const wal = await start()
      const entries = run(4, 1, -1, { bytes: 80 }).map((entry, n) => left(entry, n * 20))
      wal.commit([{ group: 1, entries }])
      await opened?.durable()
      await always(wal, (at) => expectKept(at.log(1), entries))
    })

    test("runs of entries without payload: bounded reads, and the next one that has some", async () => {
      const wal = await start()
      const entries = [...run(200, 1, -1, { bytes: 30 }), data(201, 199, { bytes: 30 })]
      wal.commit([{ group: 1, entries }])
      await compacted(new Map([[1, entries.slice(2, 200).map((entry) => left(entry, 0))]]))
      await always(wal, (at) => {
        const log = at.log(1)
        expect(log.entries(3, 201, 640)).toHaveLength(10)
        expect(log.entries(3, 201, 0)).toHaveLength(1)
        expect([1, 2, 3, 150, 201, 202].map((from) => log.indexOfPayload(from))).toEqual([
          1,
          2,
          201,
          201,
          201,
          undefined,
        ])
      })
    })

    test("what was cut, overwritten or dropped meanwhile stays so", async () => {
      const wal = await start()
      const entries = run(9, 1, -1, { bytes: 70 })
      wal.commit([1, 2, 3].map((group) => ({ group, entries })))
      await opened?.durable()
      const kept = entries.map((entry) => left(entry, 5))
      const compaction = wal.compaction()
      for (const group of [1, 2, 3]) for (const entry of kept) compaction.keep(group, entry)
      const outcomes: Array<string> = []
      compaction.finish((outcome) => outcomes.push(outcome))
      const other = data(5, 3, { term: 2, bytes: 33 })
      wal.commit([{ group: 1, entries: [], cut: snapshotAt(entries[3]!) }])
      wal.commit([{ group: 2, entries: [other] }])
      wal.drop(3)
      for (let tries = 0; tries < 2000 && outcomes.length === 0; tries++) {
        await opened?.durable()
        await Bun.sleep(1)
      }
      expect(outcomes).toEqual(["done"])
      await always(wal, (at) => {
        expectKept(at.log(1), kept.slice(4))
        expectKept(at.log(2), [...kept.slice(0, 4), other])
        expect(at.log(3).lastIndex).toBe(0)
      })
    })
  })
}

/** The log holds exactly these, by every way of reading, and their bytes are what they say. */
export function expectKept(log: GroupLog, entries: ReadonlyArray<Entry>): void {
  const read = log.entries(log.firstIndex, everything, everything)
  expect(read.map(plain)).toEqual(entries.map(plain))
  for (const entry of read) expect(isIntact(entry, entry.payload)).toBe(true)
  const metas = entries.map(({ payload, ...envelope }) => ({
    ...envelope,
    payloadBytes: payload.length,
  }))
  expect(log.metas(log.firstIndex, everything, everything)).toEqual(metas)
  expect(log.payloadBytes).toBe(entries.reduce((sum, { payload }) => sum + payload.length, 0))
}
