/**
 * Writes entries into argv[2] and has less of them stored, over and over; prints `w n` when each
 * group's first n entries are durable and `c n` when less of them is stored. Killed by its parent.
 */
import { writeSync } from "node:fs"
import { openSqliteWal } from "../../storage/index.ts"
import { compactedEntry, compactedGroups, writtenEntry } from "./compaction-workload.ts"

const [, , dir = ""] = process.argv
const perCommit = 8
const progress = { reported: 0, wake: () => {} }
const wal = await openSqliteWal({
  dir,
  limits: { rowBytesMax: 8192, checkpointPages: 20, segmentBytes: 150_000 },
  onDurable: (through) => {
    progress.reported = through
    progress.wake()
  },
  onFailure: (error) => {
    throw error
  },
})

async function durable(number: number): Promise<void> {
  while (progress.reported < number) {
    await new Promise<void>((resolve) => (progress.wake = resolve))
  }
}

for (;;) {
  const { lastIndex } = wal.log(1)
  const indexes = Array.from({ length: perCommit * 10 }, (_, n) => lastIndex + 1 + n)
  let number = 0
  for (let at = 0; at < indexes.length; at += perCommit) {
    const part = indexes.slice(at, at + perCommit)
    number = wal.commit(
      compactedGroups.map((group) => ({
        group,
        entries: part.map((index) => writtenEntry(group, index)),
      })),
    )
  }
  await durable(number)
  const upTo = wal.log(1).lastIndex
  writeSync(1, `w ${upTo}\n`)
  const compaction = wal.compaction()
  for (const group of compactedGroups) {
    const log = wal.log(group)
    for (const entry of log.entries(1, log.lastIndex + 1, Infinity)) {
      if (entry.keptCrc === 0) compaction.keep(group, compactedEntry(group, entry.index))
    }
  }
  const outcome = await new Promise<string>((resolve) => compaction.finish(resolve))
  if (outcome !== "done") throw new Error(`the compaction ${outcome}`)
  writeSync(1, `c ${upTo}\n`)
  await durable(
    wal.commit(
      compactedGroups.map((group) => ({
        group,
        entries: [],
        compacted: { index: upTo, tombstones: group },
      })),
    ),
  )
  writeSync(1, `m ${upTo}\n`)
}
