/** Files that are gone, exchanged or of no use: what the open does, and what it says. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { openSqliteWal, type SqliteWal } from "../../storage/index.ts"
import { hardState, run } from "./entries.ts"
import { rejection } from "./open-wals.ts"
import { folder } from "./shim/power.ts"

const segment = "segment-000001.db"
const entries = run(20, 1, -1, { bytes: 3000, term: 3 })
let dir = ""
let lines: Array<string> = []
let wal: SqliteWal | undefined

async function open(): Promise<SqliteWal> {
  lines = []
  wal = await openSqliteWal({
    dir,
    log: (line) => void lines.push(line),
    onDurable: () => {},
    onFailure: () => {},
  })
  return wal
}

async function close(): Promise<void> {
  await wal?.close()
  wal = undefined
}

beforeEach(async () => {
  dir = folder("varve-")
  const first = await open()
  expect([first.unclean, first.recovery.losses]).toEqual([false, []])
  first.commit([{ group: 4, entries, hardState: hardState(3, "2:disk") }])
  await close()
})
afterEach(async () => {
  await close()
  rmSync(dir, { recursive: true })
})

const state = (log: SqliteWal) => {
  const { standing, term, votedFor } = log.log(4).hardState
  return [log.log(4).lastIndex, standing, term, votedFor]
}
const damaged = () =>
  readdirSync(dir)
    .filter((name) => name.includes(".damaged-"))
    .sort()

test("closed in order and opened: clean, trusted, nothing to say", async () => {
  const again = await open()
  expect([again.unclean, ...state(again)]).toEqual([false, 20, "trusted", 3, "2:disk"])
  expect([again.recovery.losses, damaged()]).toEqual([[], []])
})

test("written to since it was closed: unclean, and whole", async () => {
  writeFileSync(join(dir, segment), readFileSync(join(dir, segment)))
  const again = await open()
  expect([again.unclean, ...state(again)]).toEqual([true, 20, "trusted", 3, "2:disk"])
})

test("an old copy of the whole folder is unclean: the peers must be asked", async () => {
  const names = readdirSync(dir).filter((name) => !name.endsWith("-shm"))
  const copies = names.map((name) => [name, readFileSync(join(dir, name))] as const)
  const later = await open()
  later.commit([{ group: 4, entries: run(5, 21, 19, { term: 3 }) }])
  await later.close()
  for (const [name, bytes] of copies) writeFileSync(join(dir, name), bytes)
  const again = await open()
  expect([again.unclean, ...state(again)]).toEqual([true, 20, "trusted", 3, "2:disk"])
})

test("the segment is gone: recovering, with the vote from the sentinel", async () => {
  rmSync(join(dir, segment))
  const again = await open()
  expect([again.unclean, ...state(again)]).toEqual([true, 0, "recovering", 3, "2:disk"])
  expect(lines.join("\n")).toContain("group 4: the log ends below term 3 index 20")
  expect(lines.join("\n")).toContain("counts for nothing until a leader")
  // And stays so, without being found again.
  await again.close()
  const third = await open()
  expect([...state(third)]).toEqual([0, "recovering", 3, "2:disk"])
  expect(third.recovery.losses).toEqual([])
})

test("the sentinel is gone: amnesiac, and remembered", async () => {
  rmSync(join(dir, "sentinel"))
  const again = await open()
  expect([again.unclean, ...state(again)]).toEqual([true, 20, "amnesiac", 3, "2:disk"])
  expect(lines.join("\n")).toContain("the sentinel is missing")
  await again.close()
  expect(state(await open())).toEqual([20, "amnesiac", 3, "2:disk"])
})

test("the sentinel is gone: a group it does not know may have voted, until all are recalled", async () => {
  expect([(await open()).forgetful, wal?.log(9).hardState.standing]).toEqual([false, "trusted"])
  await close()
  rmSync(join(dir, "sentinel"))
  const again = await open()
  expect([again.forgetful, again.log(9).hardState.standing]).toEqual([true, "amnesiac"])
  expect(again.groups()).toEqual([4])
  await close()
  const third = await open()
  expect([third.forgetful, third.log(9).hardState.standing]).toEqual([true, "amnesiac"])
  third.commit([{ group: 9, entries: [], hardState: third.log(9).hardState }])
  third.remembered()
  expect([third.forgetful, third.log(10).hardState.standing]).toEqual([false, "trusted"])
  await close()
  const last = await open()
  const standings = [9, 10].map((group) => last.log(group).hardState.standing)
  expect([last.forgetful, ...standings]).toEqual([false, "amnesiac", "trusted"])
})

test("a journal that does not belong there is moved aside, unread", async () => {
  writeFileSync(join(dir, `${segment}-wal`), "x".repeat(5000))
  const again = await open()
  expect([again.unclean, ...state(again)]).toEqual([true, 20, "trusted", 3, "2:disk"])
  expect(damaged()).toEqual([`${segment}-wal.damaged-1`])
  expect(lines[0]).toContain("was not there when the log was closed; moved to")
})

describe("a file that SQLite cannot use is moved aside, three of them are kept", () => {
  test("no database", async () => {
    for (let n = 1; n <= 5; n++) {
      writeFileSync(join(dir, segment), "no database at all".repeat(1000))
      const again = await open()
      expect(state(again)).toEqual([0, "recovering", 3, "2:disk"])
      expect(lines.join("\n")).toContain(`moved to ${segment}.damaged-${n}`)
      await close()
    }
    expect(damaged()).toEqual([3, 4, 5].map((n) => `${segment}.damaged-${n}`))
  })

  test("another mark, another version than the sentinel's", async () => {
    for (const pragma of ["application_id = 7", "user_version = 99", "user_version = 1"]) {
      const db = new Database(join(dir, segment))
      db.run(`PRAGMA ${pragma}`)
      db.close()
      const again = await open()
      expect([pragma, ...state(again)]).toEqual([pragma, 0, "recovering", 3, "2:disk"])
      await close()
    }
  })

  test("it does not say any more which rows it has", async () => {
    const db = new Database(join(dir, segment))
    db.run("DELETE FROM segment")
    db.close()
    expect(state(await open())).toEqual([0, "recovering", 3, "2:disk"])
    expect(damaged()).toEqual([`${segment}.damaged-1`])
  })

  test("rows of a table that are none", async () => {
    const db = new Database(join(dir, segment))
    db.run("INSERT INTO amputated VALUES (4, 7, -3)")
    db.close()
    expect(state(await open())).toEqual([0, "recovering", 3, "2:disk"])
    expect(lines.join("\n")).toContain("a row of amputated is none")
  })

  test("SQLite's schema", async () => {
    const bytes = readFileSync(join(dir, segment))
    const at = bytes.indexOf("CREATE TABLE log")
    bytes.write("CREATE TABEL log", at)
    writeFileSync(join(dir, segment), bytes)
    expect(state(await open())).toEqual([0, "recovering", 3, "2:disk"])
    expect(existsSync(join(dir, segment))).toBe(true)
  })
})

test("all of it is gone: a new log, or refused where one is expected", async () => {
  for (const name of readdirSync(dir)) rmSync(join(dir, name))
  const refused = openSqliteWal({ dir, expected: true, onDurable: () => {}, onFailure: () => {} })
  expect(await rejection(refused)).toContain("LogGone")
  expect(readdirSync(dir)).toEqual([])
  const again = await open()
  expect([again.unclean, again.groups()]).toEqual([false, []])
  await close()
  wal = await openSqliteWal({ dir, expected: true, onDurable: () => {}, onFailure: () => {} })
})

test("a group that was dropped is not missed", async () => {
  const second = await open()
  second.drop(4)
  second.commit([{ group: 5, entries: run(3, 1, -1) }])
  await second.close()
  const again = await open()
  expect([again.groups(), again.recovery.losses]).toEqual([[5], []])
})
