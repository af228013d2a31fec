/** Compares two logs by everything the port shows. */
import { expect } from "bun:test"
import type { GroupId, Wal } from "../../storage/index.ts"
import { plain } from "./entries.ts"

export function expectSame(actual: Wal, expected: Wal, groups: ReadonlyArray<GroupId>): void {
  expect(new Set(actual.groups())).toEqual(new Set(expected.groups()))
  for (const group of groups)
    expect(describeLog(actual, group)).toEqual(describeLog(expected, group))
}

function describeLog(wal: Wal, group: GroupId): object {
  const log = wal.log(group)
  const everything = Number.MAX_SAFE_INTEGER
  const indexes = Array.from({ length: log.lastIndex + 2 }, (_, index) => index)
  const offsets = Array.from({ length: log.lastOffset + 3 }, (_, n) => n - 1)
  const { firstIndex } = log
  return {
    group,
    ends: [log.firstIndex, log.lastIndex, log.firstOffset, log.lastOffset, log.lastAppendMs],
    payloadBytes: log.payloadBytes,
    hardState: log.hardState,
    termRuns: log.termRuns(),
    terms: indexes.map((index) => log.term(index)),
    cut: log.cut,
    compacted: log.compacted,
    snapshot: withText(log.snapshot()),
    checkpoint: withText(log.checkpoint()),
    entries: log.entries(firstIndex, everything, everything).map(plain),
    metas: log.metas(firstIndex, everything, everything),
    byOffset: offsets.map((offset) => log.indexOfOffset(offset)),
    greatest: indexes.map((index) => log.greatestTimestamp(log.firstIndex, index)),
    greatestFrom: indexes.map((index) => log.greatestTimestamp(index, log.lastIndex + 1)),
    byTimestamp: indexes.map((index) => log.indexOfTimestamp(1000 + 7 * index, index)),
    configurations: indexes.map((index) => log.configurationAt(index)?.index),
    middles: indexes.map((index) => log.entries(index, index + 3, 100).length),
  }
}

function withText(state: { readonly state: Uint8Array } | undefined): object | null {
  if (state === undefined) return null
  return { ...state, state: Buffer.from(state.state).toString("latin1") }
}
