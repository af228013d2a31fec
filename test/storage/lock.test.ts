import { Database } from "bun:sqlite"
import { afterEach, beforeEach, expect, test } from "bun:test"
import { rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { acquireLock, LockHeld } from "../../storage/index.ts"
import { temporaryFolder } from "./open-wals.ts"

let dir = ""
beforeEach(() => (dir = temporaryFolder()))
let child: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined
afterEach(() => {
  child?.kill("SIGKILL")
  rmSync(dir, { recursive: true })
})

function heldBy(): LockHeld {
  try {
    acquireLock(dir).release()
  } catch (error) {
    if (error instanceof LockHeld) return error
    throw error
  }
  throw new Error("the lock was free")
}

test("a second process is refused and told the pid; SIGKILL frees the lock", async () => {
  child = Bun.spawn([process.execPath, join(import.meta.dir, "lock-child.ts"), dir], {
    stdin: "ignore",
    stdout: "pipe",
  })
  const { value } = await child.stdout.getReader().read()
  expect(Buffer.from(value ?? []).toString()).toBe("locked\n")

  expect(heldBy().pid).toBe(child.pid)
  expect(heldBy().message).toContain(`process ${child.pid}`)

  child.kill("SIGKILL")
  await child.exited
  acquireLock(dir).release()
})

test("the same process is refused too, until it releases", () => {
  const lock = acquireLock(dir)
  expect(heldBy().pid).toBe(process.pid)
  lock.release()
  lock.release()
  acquireLock(dir).release()
})

test("an unreadable pid file costs only the pid", () => {
  const lock = acquireLock(dir)
  writeFileSync(join(dir, "lock.pid"), "?")
  expect(heldBy().message).toBe(`${dir} is in use by another process`)
  lock.release()
})

test("nothing is written that a power cut could tear; what is found torn is no lock", () => {
  const path = join(dir, "lock.db")
  const lock = acquireLock(dir)
  expect(statSync(path).size).toBe(0)
  lock.release()
  expect(statSync(path).size).toBe(0)
  // Half of a page, as a cut leaves it.
  writeFileSync(path, Buffer.from("SQLite format 3\0".padEnd(512, "x")))
  const again = acquireLock(dir)
  expect(heldBy().pid).toBe(process.pid)
  again.release()
})

test("a lock of a file with contents holds as well", () => {
  const db = new Database(join(dir, "lock.db"), { create: true })
  db.run("CREATE TABLE holder (id INTEGER PRIMARY KEY)")
  db.close()
  const lock = acquireLock(dir)
  expect(heldBy().pid).toBe(process.pid)
  lock.release()
})
