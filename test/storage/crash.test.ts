/**
 * SIGKILL at random moments under load. A kill shows torn transactions and lost reports; it cannot
 * show a missing fsync (VERIFICATION E5): the power-loss shim of the chaos program is for that.
 */
import { expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { MemoryWal } from "../../storage/index.ts"
import { openSqlite, temporaryFolder } from "./open-wals.ts"
import { expectSame } from "./same-logs.ts"
import { workloadCommit, workloadGroups, workloadProgress } from "./workload.ts"

const rounds = 8

/**
 * Runs the child until it has reported `reports` lines and `delayMs` have passed; answers the last
 * report.
 */
async function runAndKill(dir: string, reports: number, delayMs: number): Promise<number> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "crash-child.ts"), dir], {
    stdout: "pipe",
    stderr: "inherit",
  })
  let text = ""
  let killing = false
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString()
    if (killing || text.split("\n").length <= reports) continue
    killing = true
    setTimeout(() => child.kill("SIGKILL"), delayMs)
  }
  await child.exited
  expect(child.signalCode).toBe("SIGKILL")
  // The last line may be cut by the kill.
  const whole = text.slice(0, text.lastIndexOf("\n")).split("\n")
  return Number(whole.at(-1))
}

test("everything reported durable is there after SIGKILL, and no half of a commit", async () => {
  const dir = temporaryFolder()
  const expected = new MemoryWal({ onDurable: () => {} })
  let applied = 0
  let atOnce = 0
  for (let round = 0; round < rounds; round++) {
    const reported = await runAndKill(dir, 3 + ((round * 5) % 17), Math.random() * 30)
    const opened = await openSqlite({}, dir)
    const found = workloadProgress(opened.wal)
    expect(found).toBeGreaterThanOrEqual(reported)
    while (applied < found) expected.commit(workloadCommit(++applied, expected))
    expectSame(opened.wal, expected, workloadGroups)
    atOnce += opened.wal.recovery.journal.bytesFound > 0 ? 1 : 0
    await opened.wal.close()
  }
  expect(applied).toBeGreaterThan(rounds)
  // A child that was killed leaves its journal behind: otherwise this test proves nothing.
  expect(atOnce).toBe(rounds)
  rmSync(dir, { recursive: true })
}, 60_000)
