/** Cuts, checkpoints, amputation and standing: what every log must do with them. */
import { afterEach, describe, expect, test } from "bun:test"
import { noCut, type Entry, type Snapshot } from "../../raft/types.ts"
import type { GroupLog, Wal } from "../../storage/index.ts"
import {
  checkpointAt,
  configuration,
  data,
  hardState,
  noop,
  plain,
  run,
  snapshotAt,
} from "./entries.ts"
import type { OpenWal } from "./open-wals.ts"

const everything = Number.MAX_SAFE_INTEGER

export function cutSuite(name: string, open: () => Promise<OpenWal>): void {
  describe(name, () => {
    let opened: OpenWal | undefined

    const start = async (): Promise<Wal> => {
      opened = await open()
      return opened.wal
    }
    afterEach(async () => {
      await opened?.dispose()
      opened = undefined
    })

    /** Runs the check at once, when durable, after a reopen and after a crash. */
    const always = async (check: (wal: Wal) => void): Promise<void> => {
      if (opened === undefined) throw new Error("not open")
      check(opened.wal)
      await opened.durable()
      check(opened.wal)
      opened = await opened.reopen()
      check(opened.wal)
      opened = await opened.crash()
      check(opened.wal)
    }

    test("nothing is cut at first", async () => {
      const log = (await start()).log(1)
      expect([log.cut, log.snapshot(), log.checkpoint()]).toEqual([noCut, undefined, undefined])
    })

    for (const [where, at] of [
      ["the first entry", 1],
      ["the middle", 4],
      ["the last entry but one", 9],
    ] as const) {
      test(`a cut at ${where} removes what is before it and keeps the rest`, async () => {
        const entries = run(10, 1, -1, { bytes: 50 })
        const wal = await start()
        wal.commit([{ group: 1, entries }])
        const snapshot = snapshotOf(entries, at)
        wal.commit([{ group: 1, cut: snapshot, entries: [] }])
        await always((now) => expectBehind(now.log(1), snapshot, entries.slice(at)))
      })
    }

    test("a cut at the end leaves an empty log that goes on behind it", async () => {
      const entries = run(10, 1, -1)
      const wal = await start()
      wal.commit([{ group: 1, entries }])
      const snapshot = snapshotOf(entries, 10)
      wal.commit([{ group: 1, cut: snapshot, entries: [] }])
      await always((at) => expectBehind(at.log(1), snapshot, []))
      const next = run(2, 11, 9)
      opened?.wal.commit([{ group: 1, entries: next }])
      await always((at) => expectBehind(at.log(1), snapshot, next))
    })

    test("a cut beyond the end installs: nothing of the old log is left", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(3, 1, -1), hardState: hardState(4) }])
      const snapshot = snapshotAt({ index: 50, term: 3, lastOffset: 47, appendMs: 9000 })
      const next = run(3, 51, 47, { term: 4 })
      wal.commit([{ group: 1, cut: snapshot, entries: next }])
      await always((at) => {
        expectBehind(at.log(1), snapshot, next)
        expect(at.log(1).hardState).toEqual(hardState(4))
      })
    })

    test("a cut of another term inside the log installs: what is behind it is gone", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(9, 1, -1) }])
      const snapshot = snapshotAt({ index: 5, term: 2, lastOffset: 6, appendMs: 9000 })
      wal.commit([{ group: 1, cut: snapshot, entries: [] }])
      await always((at) => expectBehind(at.log(1), snapshot, []))
      const next = [data(6, 6, { term: 2 })]
      opened?.wal.commit([{ group: 1, entries: next }])
      await always((at) => expectBehind(at.log(1), snapshot, next))
    })

    test("an installed cut in a group that never was, and an empty state", async () => {
      const wal = await start()
      const snapshot = {
        ...snapshotAt({ index: 7, term: 2, lastOffset: -1, appendMs: 1 }, 0),
        cut: { ...noCut, index: 7, term: 2 },
      }
      wal.commit([{ group: 9, cut: snapshot, entries: [] }])
      await always((at) => {
        expectBehind(at.log(9), snapshot, [])
        expect(at.groups()).toEqual([9])
      })
    })

    test("cuts follow each other, with overwrites and reopens between", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(20, 1, -1) }])
      wal.commit([{ group: 1, entries: run(20, 5, 3, { term: 2, bytes: 33 }) }])
      const first = snapshotAt(data(8, 6, { term: 2 }))
      wal.commit([{ group: 1, cut: first, entries: [] }])
      const second = snapshotAt(data(12, 10, { term: 2 }))
      const end = run(2, 15, 13, { term: 3 })
      wal.commit([{ group: 1, cut: second, entries: end }])
      const kept = run(20, 5, 3, { term: 2, bytes: 33 }).slice(8, 10)
      await always((at) => expectBehind(at.log(1), second, [...kept, ...end]))
    })

    test("entries of an older term that were cut and replaced do not come back", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(10, 1, -1, { term: 1 }) }])
      await opened?.durable()
      const newer = run(3, 5, 3, { term: 2 })
      wal.commit([{ group: 1, entries: newer }])
      const snapshot = snapshotOf(newer, 3)
      wal.commit([{ group: 1, cut: snapshot, entries: [] }])
      await always((at) => expectBehind(at.log(1), snapshot, []))
    })

    test("configurations and terms below a cut are gone, also where a lookup begins", async () => {
      const entries = [configuration(1, -1), ...run(3, 2, -1), configuration(5, 2), noop(6, 2, 4)]
      const wal = await start()
      wal.commit([{ group: 1, entries }])
      const snapshot = snapshotOf(entries, 3)
      wal.commit([{ group: 1, cut: snapshot, entries: [] }])
      await always((at) => {
        const log = at.log(1)
        expect([3, 4, 5, 9].map((index) => log.configurationAt(index)?.index)).toEqual([
          undefined,
          undefined,
          5,
          5,
        ])
        expect(log.termRuns()).toEqual([
          { term: 1, firstIndex: 4 },
          { term: 4, firstIndex: 6 },
        ])
        expect([1, 2, 3, 4, 7].map((index) => log.term(index))).toEqual([
          undefined,
          undefined,
          1,
          1,
          undefined,
        ])
        expect([log.indexOfOffset(0), log.indexOfTimestamp(0, 1)]).toEqual([4, 4])
      })
    })

    test("a cut that goes back, or contradicts the log, throws and changes nothing", async () => {
      const entries = run(10, 1, -1)
      const wal = await start()
      const snapshot = snapshotOf(entries, 5)
      wal.commit([{ group: 1, entries }])
      wal.commit([{ group: 1, cut: snapshot, entries: [] }])
      const wrongOffset = { ...snapshotOf(entries, 7).cut, lastOffset: 9 }
      for (const cut of [snapshotOf(entries, 5), snapshotOf(entries, 4)]) {
        expect(() => wal.commit([{ group: 1, cut, entries: [] }])).toThrow("cut at")
      }
      expect(() =>
        wal.commit([{ group: 1, cut: { ...snapshot, cut: wrongOffset }, entries: [] }]),
      ).toThrow("offset")
      expect(() => wal.commit([{ group: 1, entries: run(1, 5, 3, { term: 2 }) }])).toThrow("append")
      await always((at) => expectBehind(at.log(1), snapshot, entries.slice(5)))
    })

    test("a dropped group is not cut any more", async () => {
      const wal = await start()
      const entries = run(4, 1, -1)
      wal.commit([{ group: 1, entries, checkpoint: checkpointAt(2, 1) }])
      wal.commit([{ group: 1, cut: snapshotOf(entries, 2), entries: [] }])
      wal.drop(1)
      wal.commit([{ group: 1, entries: run(1, 1, -1, { term: 9 }) }])
      await always((at) => {
        const log = at.log(1)
        expect([log.cut, log.snapshot(), log.checkpoint()]).toEqual([noCut, undefined, undefined])
        expect(log.entries(1, 9, everything).map(plain)).toEqual(
          run(1, 1, -1, { term: 9 }).map(plain),
        )
      })
    })

    test("the newest checkpoint comes back, also a large one and one at the cut", async () => {
      const entries = run(6, 1, -1)
      const wal = await start()
      const large = checkpointAt(4, 1, 300_000)
      wal.commit([{ group: 1, entries, checkpoint: checkpointAt(6, 1) }])
      wal.commit([{ group: 1, entries: [], checkpoint: large }])
      await always((at) => expect(at.log(1).checkpoint()).toEqual(large))
      const cut = snapshotOf(entries, 4)
      opened?.wal.commit([{ group: 1, cut, entries: [], checkpoint: checkpointAt(4, 1) }])
      await always((at) => expect(at.log(1).checkpoint()).toEqual(checkpointAt(4, 1)))
    })

    test("a checkpoint that the log does not bear out is none", async () => {
      const entries = run(6, 1, -1)
      const wal = await start()
      for (const [index, term] of [
        [7, 1],
        [3, 2],
      ] as const) {
        expect(() =>
          wal.commit([{ group: 1, entries, checkpoint: checkpointAt(index, term) }]),
        ).toThrow("checkpoint")
      }
      wal.commit([{ group: 1, entries, checkpoint: checkpointAt(3, 1) }])
      wal.commit([{ group: 1, cut: snapshotOf(entries, 5), entries: [] }])
      await always((at) => expect(at.log(1).checkpoint()).toBeUndefined())
    })

    test("an amputated log ends before the wound and is not trusted", async () => {
      const entries = run(10, 1, -1, { bytes: 80 })
      const wal = await start()
      wal.commit([{ group: 1, entries, hardState: hardState(3, "a") }])
      await opened?.durable()
      wal.amputate(1, 6)
      await always((at) => {
        expectBehind(at.log(1), undefined, entries.slice(0, 5))
        expect(at.log(1).hardState).toEqual({ ...hardState(3, "a"), standing: "recovering" })
      })
      opened?.wal.commit([{ group: 1, entries: run(1, 6, 4, { term: 5 }) }])
      const expected = [...entries.slice(0, 5), ...run(1, 6, 4, { term: 5 })]
      await always((at) => expectBehind(at.log(1), undefined, expected))
    })

    test("amputations before, between and behind appends of the same transaction", async () => {
      const wal = await start()
      wal.commit([{ group: 1, entries: run(5, 1, -1) }])
      wal.amputate(1, 3)
      wal.amputate(1, 2)
      wal.commit([{ group: 1, entries: run(4, 2, 0, { term: 2 }) }])
      wal.commit([{ group: 2, entries: run(4, 1, -1) }])
      wal.amputate(1, 4)
      wal.amputate(2, 1)
      const kept = [...run(1, 1, -1), ...run(2, 2, 0, { term: 2 })]
      await always((at) => {
        expectBehind(at.log(1), undefined, kept)
        expectBehind(at.log(2), undefined, [])
      })
    })

    test("nothing is amputated at or before the cut; an amnesiac stays one", async () => {
      const entries = run(6, 1, -1)
      const wal = await start()
      const amnesiac = { ...hardState(2), standing: "amnesiac" as const }
      wal.commit([{ group: 1, entries, hardState: amnesiac }])
      const snapshot = snapshotOf(entries, 3)
      wal.commit([{ group: 1, cut: snapshot, entries: [] }])
      expect(() => wal.amputate(1, 3)).toThrow("amputation")
      wal.amputate(1, 4)
      await always((at) => {
        expectBehind(at.log(1), snapshot, [])
        expect(at.log(1).hardState).toEqual(amnesiac)
      })
    })

    test("a retired log is empty, its cut gone, and its term and vote are not", async () => {
      const entries = run(6, 1, -1)
      const wal = await start()
      wal.commit([{ group: 1, entries, hardState: hardState(2, "a") }])
      wal.commit([{ group: 1, cut: snapshotOf(entries, 3), entries: [] }])
      wal.commit([{ group: 2, entries, hardState: { ...hardState(7), standing: "amnesiac" } }])
      await opened?.durable()
      wal.retire(1)
      wal.retire(2)
      const kept = { commitIndex: 0, acceptedTerm: 0 }
      await always((at) => {
        for (const group of [1, 2]) expectBehind(at.log(group), undefined, [])
        const promised = { ...hardState(2, "a"), ...kept, standing: "recovering" as const }
        expect(at.log(1).hardState).toEqual(promised)
        expect(at.log(2).hardState).toEqual({ ...hardState(7), ...kept, standing: "amnesiac" })
      })
      opened?.wal.commit([{ group: 1, entries: run(2, 1, -1, { term: 5 }) }])
      await always((at) => expectBehind(at.log(1), undefined, run(2, 1, -1, { term: 5 })))
    })
  })
}

function snapshotOf(entries: ReadonlyArray<Entry>, count: number): Snapshot {
  const last = entries[count - 1]
  if (last === undefined) throw new Error("no such entry")
  return snapshotAt(last)
}

/** The log holds exactly these entries behind the cut, by every way of reading them. */
function expectBehind(
  log: GroupLog,
  snapshot: Snapshot | undefined,
  entries: ReadonlyArray<Entry>,
): void {
  const cut = snapshot?.cut ?? noCut
  expect(log.cut).toEqual(cut)
  expect(log.snapshot()).toEqual(snapshot)
  expect([log.firstIndex, log.lastIndex]).toEqual([cut.index + 1, cut.index + entries.length])
  expect(log.term(cut.index)).toBe(cut.term)
  expect(log.firstOffset).toBe(entries[0]?.firstOffset ?? cut.lastOffset + 1)
  expect(log.lastOffset).toBe(entries.at(-1)?.lastOffset ?? cut.lastOffset)
  expect(log.lastAppendMs).toBe(entries.at(-1)?.appendMs ?? cut.appendMs)
  expect(log.entries(cut.index + 1, everything, everything).map(plain)).toEqual(entries.map(plain))
  expect(log.metas(cut.index + 1, everything, everything).map(({ term }) => term)).toEqual(
    entries.map(({ term }) => term),
  )
  expect(log.entries(cut.index, everything, everything)).toEqual([])
  expect(log.payloadBytes).toBe(entries.reduce((sum, { payload }) => sum + payload.length, 0))
}
