/**
 * SIGKILL between any two steps of a roll, a seal, a copy and a removal, each at its first time and
 * later on: everything reported durable is there, and the log goes on.
 */
import { expect, test } from "bun:test"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { MemoryWal } from "../../storage/index.ts"
import type { KillPoint } from "../../storage/kill-point.ts"
import { openSqlite, temporaryFolder } from "./open-wals.ts"
import { expectSame } from "./same-logs.ts"
import { workloadCommit, workloadGroups, workloadProgress } from "./workload.ts"

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

/** Runs the child until it kills itself; answers the last commit it reported. */
async function runUntilKilled(dir: string, at: string): Promise<number> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "crash-child.ts"), dir], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, VARVE_KILL_AT: at },
  })
  const text = await new Response(child.stdout).text()
  await child.exited
  expect(child.signalCode).toBe("SIGKILL")
  return Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1))
}

test("every commit that was reported is there, whatever step was the last", async () => {
  const dir = temporaryFolder()
  const expected = new MemoryWal({ onDurable: () => {} })
  let applied = 0
  for (const at of points.flatMap((point) => [point, `${point}:3`])) {
    const reported = await runUntilKilled(dir, at)
    const opened = await openSqlite({ segmentBytes: 200_000 }, dir)
    const { wal } = opened
    const found = workloadProgress(wal)
    expect(found).toBeGreaterThanOrEqual(reported)
    expect(wal.recovery.losses.filter((line) => !line.includes("not closed in order"))).toEqual([])
    while (applied < found) expected.commit(workloadCommit(++applied, expected))
    expectSame(wal, expected, workloadGroups)
    await opened.durable()
    await wal.tidied()
    expectSame(wal, expected, workloadGroups)
    const { liveBytes, storedBytes } = wal.stats()
    expect(storedBytes).toBeLessThan(1.5 * liveBytes + 2 * 300_000)
    await wal.close()
    const leftovers = readdirSync(dir).filter((name) => /copying|-shm|-journal/.test(name))
    expect(leftovers).toEqual([])
  }
  expect(applied).toBeGreaterThan(200)
  rmSync(dir, { recursive: true })
}, 60_000)
