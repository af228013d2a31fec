/**
 * SIGKILL between any two steps of a compaction: every entry is there, whole or with what is to be
 * left of it, and what was reported as stored stays so.
 */
import { expect, test } from "bun:test"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { isIntact } from "../../raft/entry.ts"
import type { KillPoint } from "../../storage/kill-point.ts"
import { compactedEntry, compactedGroups, writtenEntry } from "./compaction-workload.ts"
import { plain } from "./entries.ts"
import { openSqlite, temporaryFolder } from "./open-wals.ts"

const points: ReadonlyArray<KillPoint> = [
  "made",
  "rolled",
  "indexed",
  "sealed",
  "left",
  "written",
  "copied",
  "removed",
]

interface Reported {
  readonly written: number
  readonly compacted: number
  readonly marked: number
}

async function runUntilKilled(dir: string, at: string): Promise<Reported> {
  const program = join(import.meta.dir, "compaction-child.ts")
  const child = Bun.spawn([process.execPath, program, dir], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, VARVE_KILL_AT: at },
  })
  const text = await new Response(child.stdout).text()
  await child.exited
  expect(child.signalCode).toBe("SIGKILL")
  const lines = text.slice(0, text.lastIndexOf("\n")).split("\n")
  const last = (letter: string) =>
    Number(lines.findLast((line) => line.startsWith(letter))?.slice(2) ?? 0)
  return { written: last("w"), compacted: last("c"), marked: last("m") }
}

test("whatever step was the last, entries are whole or what was to be left of them", async () => {
  const dir = temporaryFolder()
  let before: Reported = { written: 0, compacted: 0, marked: 0 }
  for (const at of [...points, "sealed:4", "written:4", "copied:4", "removed:4"]) {
    const reported = await runUntilKilled(dir, at)
    const least = {
      written: Math.max(before.written, reported.written),
      compacted: Math.max(before.compacted, reported.compacted),
      marked: Math.max(before.marked, reported.marked),
    }
    const opened = await openSqlite({ segmentBytes: 150_000 }, dir)
    const { wal } = opened
    expect(wal.recovery.losses.filter((line) => !line.includes("not closed in order"))).toEqual([])
    for (const group of compactedGroups) {
      const log = wal.log(group)
      expect(log.lastIndex).toBeGreaterThanOrEqual(least.written)
      expect(log.compacted.index).toBeGreaterThanOrEqual(least.marked)
      const entries = log.entries(1, log.lastIndex + 1, Infinity)
      expect(entries).toHaveLength(log.lastIndex)
      let bytes = 0
      for (const entry of entries) {
        const { index, keptCrc, payload } = entry
        expect(isIntact(entry, payload)).toBe(true)
        const expected = keptCrc === 0 ? writtenEntry(group, index) : compactedEntry(group, index)
        expect(plain(entry)).toEqual(plain(expected))
        if (index <= least.compacted) expect(keptCrc).not.toBe(0)
        bytes += payload.length
      }
      expect(log.payloadBytes).toBe(bytes)
    }
    await opened.durable()
    await wal.tidied()
    const { liveBytes, storedBytes } = wal.stats()
    expect(storedBytes).toBeLessThan(1.5 * liveBytes + 2 * 200_000)
    await wal.close()
    expect(readdirSync(dir).filter((name) => /copying|-shm|-journal/.test(name))).toEqual([])
    before = least
  }
  expect(before.compacted).toBeGreaterThan(300)
  rmSync(dir, { recursive: true })
}, 120_000)
