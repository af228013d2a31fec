/**
 * What every log must do, whatever it is made of. Each test runs before and after a reopen where
 * that matters.
 */
import { afterEach, describe, expect, test } from "bun:test"
import { emptyHardState, type Entry } from "../../raft/types.ts"
import type { EntryMeta, GroupLog, Wal } from "../../storage/index.ts"
import { configuration, data, hardState, noop, plain, run, snapshotAt } from "./entries.ts"
import type { OpenWal } from "./open-wals.ts"

const everything = Number.MAX_SAFE_INTEGER

const droppedOf = (wal: Wal) => [1, 2, 3, 4, 5, 6].filter((group) => wal.wasDropped(group))

export function walSuite(name: string, open: () => Promise<OpenWal>): void {
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
    const durable = async (): Promise<void> => opened?.durable()

    afterEach(async () => {
      await opened?.dispose()
      opened = undefined
    })

    /** Runs the check at once, when durable, and after a reopen. */
    const always = async (wal: Wal, check: (wal: Wal) => void): Promise<void> => {
      check(wal)
      await durable()
      check(wal)
      check(await reopened())
    }

    test("an unwritten group is an empty log", async () => {
      const log = (await start()).log(3)
      expect([log.firstIndex, log.lastIndex, log.firstOffset, log.lastOffset]).toEqual([
        1, 0, 0, -1,
      ])
      expect([log.lastAppendMs, log.payloadBytes, log.term(0), log.term(1)]).toEqual([
        0,
        0,
        0,
        undefined,
      ])
      expect(log.hardState).toEqual(emptyHardState)
      expect(log.entries(1, 5, everything)).toEqual([])
      expect(log.metas(1, 5, 10)).toEqual([])
      expect(log.termRuns()).toEqual([])
      expect(log.configurationAt(9)).toBeUndefined()
      expect(log.indexOfOffset(0)).toBeUndefined()
      expect(log.indexOfTimestamp(0, 1)).toBeUndefined()
    })

    test("log() answers the same object, also after a drop", async () => {
      const wal = await start()
      const log = wal.log(4)
      wal.commit([{ group: 4, entries: run(2, 1, -1) }])
      wal.drop(4)
      expect(wal.log(4)).toBe(log)
      expect(log.lastIndex).toBe(0)
    })

    test("entries come back as they were appended", async () => {
      const entries = [
        noop(1, -1),
        configuration(2, -1),
        ...run(3, 3, -1, { records: 4, bytes: 100 }),
      ]
      const wal = await start()
      wal.commit([{ group: 1, entries }])
      await always(wal, (at) => expectLog(at.log(1), entries))
    })

    test("empty payloads, and a payload larger than a row and a slab", async () => {
      const entries = [
        data(1, -1, { bytes: 0 }),
        data(2, 0, { bytes: 3_000_000 }),
        data(3, 1, { bytes: 1 }),
      ]
      const wal = await start()
      wal.commit([{ group: 1, entries }])
      await always(wal, (at) => expectLog(at.log(1), entries))
    })

    test("extreme numbers survive", async () => {
      const big = Number.MAX_SAFE_INTEGER
      const entry: Entry = {
        ...data(1, -1),
        term: big,
        appendMs: big,
        firstOffset: big - 1,
        lastOffset: big,
        maxTimestamp: -1,
        producerId: -1,
        producerEpoch: -1,
        baseSequence: -1,
      }
      const wal = await start()
      wal.commit([
        {
          group: 2_147_483_647,
          entries: [entry],
          hardState: { ...hardState(big), commitIndex: big },
        },
      ])
      await always(wal, (at) => {
        const log = at.log(2_147_483_647)
        expect(log.metas(1, 2, 1)).toEqual([metaOf(entry)])
        expect([log.lastOffset, log.lastAppendMs, log.term(1)]).toEqual([big, big, big])
        expect(log.hardState.commitIndex).toBe(big)
      })
    })

    test("entries() keeps to bytesMax but gives at least one", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(5, 1, -1, { bytes: 100 }) }])
      await always(wal, (at) => {
        const count = (lo: number, hi: number, bytes: number) =>
          at
            .log(1)
            .entries(lo, hi, bytes)
            .map(({ index }) => index)
        expect(count(1, 6, 0)).toEqual([1])
        expect(count(2, 6, 299)).toEqual([2, 3])
        expect(count(2, 6, 300)).toEqual([2, 3, 4])
        expect(count(2, 3, everything)).toEqual([2])
        expect(count(5, 99, everything)).toEqual([5])
        expect(count(3, 3, everything)).toEqual([])
        expect(count(4, 2, everything)).toEqual([])
        expect(count(0, 3, everything)).toEqual([])
        expect(count(6, 9, everything)).toEqual([])
      })
    })

    test("metas() keeps to countMax and to the log", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(5, 1, -1) }])
      await always(wal, (at) => {
        const indexes = (lo: number, hi: number, count: number) =>
          at
            .log(1)
            .metas(lo, hi, count)
            .map(({ index }) => index)
        expect(indexes(1, 6, 100)).toEqual([1, 2, 3, 4, 5])
        expect(indexes(2, 9, 2)).toEqual([2, 3])
        expect(indexes(2, 3, 9)).toEqual([2])
        expect(indexes(2, 9, 0)).toEqual([])
        expect(indexes(0, 9, 9)).toEqual([])
        expect(indexes(6, 9, 9)).toEqual([])
      })
    })

    test("an overwrite removes everything behind it for good (entries 6..10 of the old term stay gone)", async () => {
      const old = run(10, 1, -1, { term: 1 })
      const wal = await start()
      wal.commit([
        { group: 1, entries: old },
        { group: 2, entries: run(4, 1, -1) },
      ])
      await durable()
      const newer = data(5, 3, { term: 2, bytes: 33 })
      wal.commit([{ group: 1, entries: [newer] }])
      const expected = [...old.slice(0, 4), newer]
      await always(wal, (at) => {
        expectLog(at.log(1), expected)
        expect(at.log(2).lastIndex).toBe(4)
      })
    })

    test("an overwrite before the old entries are durable, and one from the first entry", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(4, 1, -1, { term: 1 }) }])
      wal.commit([{ group: 1, entries: run(1, 3, 1, { term: 2 }) }])
      wal.commit([{ group: 1, entries: run(3, 1, -1, { term: 3, bytes: 55 }) }])
      await always(wal, (at) => expectLog(at.log(1), run(3, 1, -1, { term: 3, bytes: 55 })))
    })

    test("overwriting again and again, with a reopen between", async () => {
      let wal = await start()
      for (let term = 1; term <= 4; term++) {
        wal.commit([{ group: 1, entries: run(6, term, term - 2, { term }) }])
        wal = await reopened()
      }
      expect(
        wal
          .log(1)
          .termRuns()
          .map(({ firstIndex }) => firstIndex),
      ).toEqual([1, 2, 3, 4])
      expect([wal.log(1).lastIndex, wal.log(1).lastOffset]).toEqual([9, 8])
    })

    test("the hard state is kept, also without entries, and undefined leaves it", async () => {
      const wal = await start()
      wal.commit([{ group: 5, entries: [], hardState: hardState(3, "node-1/disk-a") }])
      wal.commit([{ group: 5, entries: run(1, 1, -1) }])
      wal.commit([{ group: 6, entries: [], hardState: hardState(1) }])
      wal.commit([{ group: 6, entries: [], hardState: hardState(2, "b") }])
      await always(wal, (at) => {
        expect(at.log(5).hardState).toEqual(hardState(3, "node-1/disk-a"))
        expect(at.log(6).hardState).toEqual(hardState(2, "b"))
        expect(new Set(at.groups())).toEqual(new Set([5, 6]))
      })
    })

    test("term(), termRuns() and configurationAt() follow the log", async () => {
      const wal = await start()
      wal.commit([
        {
          group: 1,
          entries: [
            configuration(1, -1, 1),
            noop(2, -1, 3),
            data(3, -1, { term: 3 }),
            configuration(4, 0, 4),
            data(5, 0, { term: 4 }),
          ],
        },
      ])
      wal.commit([{ group: 2, entries: run(1, 1, -1) }])
      await always(wal, (at) => {
        const log = at.log(1)
        expect([0, 1, 2, 3, 4, 5, 6].map((index) => log.term(index))).toEqual([
          0,
          1,
          3,
          3,
          4,
          4,
          undefined,
        ])
        expect(log.termRuns()).toEqual([
          { term: 1, firstIndex: 1 },
          { term: 3, firstIndex: 2 },
          { term: 4, firstIndex: 4 },
        ])
        const places = [0, 1, 3, 4, 9].map((index) => log.configurationAt(index)?.index)
        expect(places).toEqual([undefined, 1, 1, 4, 4])
        expect(at.log(2).configurationAt(9)).toBeUndefined()
      })
      opened?.wal.commit([{ group: 1, entries: [data(3, -1, { term: 5 })] }])
      const log = opened?.wal.log(1)
      expect(log?.configurationAt(9)?.index).toBe(1)
      expect(log?.termRuns().at(-1)).toEqual({ term: 5, firstIndex: 3 })
    })

    test("lookups by offset and by timestamp", async () => {
      const wal = await start()
      const stamped = [300, 100, 500, 500, 200]
      wal.commit([
        {
          group: 1,
          entries: [
            noop(1, -1),
            ...stamped.map((maxTimestamp, n) =>
              data(n + 2, n * 10 - 1, { records: 10, maxTimestamp }),
            ),
          ],
        },
        { group: 2, entries: run(2, 1, -1) },
      ])
      wal.commit([{ group: 1, entries: [noop(7, 49)] }])
      await always(wal, (at) => {
        const log = at.log(1)
        const byOffset = [-1, 0, 9, 10, 49, 50].map((offset) => log.indexOfOffset(offset))
        expect(byOffset).toEqual([1, 2, 2, 3, 6, undefined])
        const byTime = [-5, 100, 301, 500, 501].map((time) => log.indexOfTimestamp(time, 1))
        expect(byTime).toEqual([2, 2, 4, 4, undefined])
        expect([3, 5, 6, 7].map((from) => log.indexOfTimestamp(150, from))).toEqual([
          4,
          5,
          6,
          undefined,
        ])
      })
    })

    test("a dropped group stays gone; its id may begin a new log", async () => {
      let wal = await start()
      wal.commit([
        { group: 1, entries: run(5, 1, -1, { bytes: 200 }), hardState: hardState(9) },
        { group: 2, entries: run(2, 1, -1) },
      ])
      wal.drop(1)
      await always(wal, (at) => {
        expect(at.groups()).toEqual([2])
        expect([at.log(1).lastIndex, at.log(1).payloadBytes, at.log(1).hardState.term]).toEqual([
          0, 0, 0,
        ])
      })
      wal = opened?.wal ?? wal
      wal.commit([{ group: 1, entries: run(2, 1, -1, { term: 11 }), hardState: hardState(11) }])
      await always(wal, (at) => {
        expectLog(at.log(1), run(2, 1, -1, { term: 11 }))
        expect(at.log(1).hardState).toEqual(hardState(11))
      })
    })

    test("that a group was dropped is known for good; a retired or replaced log was not", async () => {
      const wal = await start()
      const cut = snapshotAt(data(9, 8))
      wal.commit([1, 2, 3, 4].map((group) => ({ group, entries: run(3, 1, -1) })))
      wal.commit([{ group: 1, entries: [], hardState: hardState(9) }])
      wal.drop(1)
      wal.drop(5)
      wal.retire(2)
      wal.commit([{ group: 3, entries: [], hardState: hardState(2), cut }])
      await always(wal, (at) => expect(droppedOf(at)).toEqual([1, 5]))
      await always(opened?.wal ?? wal, (at) => expect(droppedOf(at)).toEqual([1, 5]))
    })

    test("a group written to after its drop knows its votes again", async () => {
      const wal = await start()
      wal.drop(1)
      wal.commit([{ group: 1, entries: [], hardState: hardState(4) }])
      await always(wal, (at) => expect(at.wasDropped(1)).toBe(false))
      const again = opened?.wal ?? wal
      again.drop(1)
      await always(again, (at) => expect(at.wasDropped(1)).toBe(true))
    })

    test("dropped and written again before anything was durable", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(5, 1, -1, { term: 1 }), hardState: hardState(9) }])
      wal.drop(1)
      wal.commit([{ group: 1, entries: run(2, 1, -1, { term: 2 }), hardState: hardState(10) }])
      await always(wal, (at) => {
        expectLog(at.log(1), run(2, 1, -1, { term: 2 }))
        expect(at.log(1).hardState).toEqual(hardState(10))
      })
    })

    test("payloadBytes counts what the log holds, not what was replaced", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(10, 1, -1, { bytes: 100 }) }])
      wal.commit([{ group: 1, entries: run(1, 4, 2, { bytes: 7, term: 2 }) }])
      await always(wal, (at) => expect(at.log(1).payloadBytes).toBe(307))
    })

    test("commits are reported in order, the last one at last; pendingBytes falls to 0", async () => {
      const wal = await start()
      const numbers = Array.from({ length: 20 }, (_, n) =>
        wal.commit([
          { group: n % 3, entries: run(1, Math.floor(n / 3) + 1, Math.floor(n / 3) - 1) },
        ]),
      )
      expect(numbers).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
      expect(wal.pendingBytes).toBeGreaterThan(0)
      await durable()
      expect(wal.pendingBytes).toBe(0)
      const reported = opened?.reported ?? []
      expect(reported).toEqual([...new Set(reported)].sort((a, b) => a - b))
      expect(reported.at(-1)).toBeGreaterThanOrEqual(20)
    })

    test("a commit of nothing gets a number and becomes durable", async () => {
      const wal = await start()
      expect(wal.commit([])).toBe(1)
      expect(wal.commit([{ group: 1, entries: [] }])).toBe(2)
      await durable()
      expect(opened?.reported.at(-1)).toBeGreaterThanOrEqual(2)
      expect(wal.groups()).toEqual([])
    })

    test("a broken append throws and changes nothing", async () => {
      const wal = await start()
      const good = run(3, 1, -1, { term: 2 })
      wal.commit([{ group: 1, entries: good }])
      const bad: ReadonlyArray<ReadonlyArray<Entry>> = [
        [data(5, 2, { term: 2 })],
        [data(0, -1, { term: 2 })],
        [data(4, 2, { term: 2 }), data(6, 3, { term: 2 })],
        [data(4, 2, { term: 1 })],
        [data(4, 0, { term: 2 })],
        [{ ...data(4, 2, { term: 2 }), firstOffset: 9 }],
      ]
      for (const entries of bad) {
        expect(() =>
          wal.commit([
            { group: 7, entries: run(1, 1, -1) },
            { group: 1, entries },
          ]),
        ).toThrow()
      }
      expect(() =>
        wal.commit([
          { group: 1, entries: [] },
          { group: 1, entries: [] },
        ]),
      ).toThrow("twice")
      await always(wal, (at) => {
        expectLog(at.log(1), good)
        expect(at.groups()).toEqual([1])
      })
    })
  })
}

/** The log holds exactly these entries, by every way of reading them. */
export function expectLog(log: GroupLog, entries: ReadonlyArray<Entry>): void {
  const all = log.entries(1, everything, everything)
  expect(all.map(plain)).toEqual(entries.map(plain))
  expect(log.metas(1, everything, everything)).toEqual(entries.map(metaOf))
  expect(log.lastIndex).toBe(entries.length)
  expect(log.lastOffset).toBe(entries.at(-1)?.lastOffset ?? -1)
  expect(log.firstOffset).toBe(entries[0]?.firstOffset ?? 0)
  expect(log.lastAppendMs).toBe(entries.at(-1)?.appendMs ?? 0)
  expect(log.payloadBytes).toBe(entries.reduce((sum, { payload }) => sum + payload.length, 0))
  expect(entries.map(({ index }) => log.term(index))).toEqual(entries.map(({ term }) => term))
}

function metaOf({ payload, ...envelope }: Entry): EntryMeta {
  return { ...envelope, payloadBytes: payload.length }
}
