import { Database } from "bun:sqlite"
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { appendFileSync, copyFileSync, existsSync, mkdirSync, mkdtempSync } from "node:fs"
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Prng } from "../../../raft/prng.ts"
import { copyLog, filesOf, flipBit, putBack } from "../../../src/chaos/disk/damage/files.ts"
import { removeLog, truncate } from "../../../src/chaos/disk/damage/files.ts"
import { journalBytes } from "../../../src/chaos/disk/damage/places.ts"
import { NewLines } from "../../../src/chaos/disk/new-lines.ts"
import { Victim } from "../../../src/chaos/disk/victim.ts"

/** Damage to the files of a broker that is down. */

let dir = ""
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "varve-damage-"))))
afterEach(() => rmSync(dir, { recursive: true }))

const write = (name: string, text: string) => writeFileSync(join(dir, name), text)
const names = (of = dir) => readdirSync(of).toSorted()

function folder(): void {
  for (const name of ["segment-000001.db", "segment-000001.db-wal", "sentinel", "identity.json"]) {
    write(name, `contents of ${name}`)
  }
  for (const name of ["segment-000001.db-shm", "broker.json", "broker.log", "lock.db", "reserve"]) {
    write(name, "left alone")
  }
  mkdirSync(join(dir, "sub"))
}

describe("files", () => {
  test("are found by class, the newest last, and only with something in them", () => {
    folder()
    write("segment-000002.db", "x")
    write("segment-000002.db-wal", "")
    write("segment-000001.db-wal.damaged-1", "x")
    expect(filesOf(dir, "db")).toEqual(["segment-000001.db", "segment-000002.db"])
    expect(filesOf(dir, "wal")).toEqual(["segment-000001.db-wal"])
    expect(filesOf(dir, "sentinel")).toEqual(["sentinel"])
  })

  test("one flipped bit is one bit, of a byte that is not zero", () => {
    const bytes = Buffer.alloc(1_000)
    bytes.write("here", 500)
    writeFileSync(join(dir, "sentinel"), bytes)
    for (let seed = 0; seed < 30; seed++) {
      writeFileSync(join(dir, "sentinel"), bytes)
      const { offset, before, after } = flipBit(dir, "sentinel", new Prng(seed))
      const now = readFileSync(join(dir, "sentinel"))
      const changed = [...now.keys()].filter((i) => now[i] !== bytes[i])
      expect(changed).toEqual([offset])
      expect([bytes[offset], now[offset]]).toEqual([before, after])
      expect(Math.log2(before ^ after) % 1).toBe(0)
    }
  })

  test("a truncation takes at least a byte and leaves the front as it was", () => {
    for (let seed = 0; seed < 30; seed++) {
      write("segment-000001.db", "0123456789")
      const { before, after } = truncate(dir, "segment-000001.db", 5, new Prng(seed))
      expect(before).toBe(10)
      expect(after).toBeWithin(5, 10)
      expect(readFileSync(join(dir, "segment-000001.db"), "utf8")).toBe(
        "0123456789".slice(0, after),
      )
    }
  })

  test("of a journal only what counts is hurt", () => {
    const path = join(dir, "segment-000001.db")
    const db = new Database(path)
    db.run("PRAGMA journal_mode = WAL")
    db.run("CREATE TABLE t (x)")
    for (let i = 0; i < 30; i++) db.run("INSERT INTO t VALUES (randomblob(3000))")
    const first = statSync(`${path}-wal`).size
    expect(journalBytes(`${path}-wal`)).toBe(first)
    db.run("PRAGMA wal_checkpoint(PASSIVE)")
    db.run("INSERT INTO t VALUES (1)")
    const counts = journalBytes(`${path}-wal`)
    expect(counts).toBeWithin(1, first / 4)
    // While it is open: closing would remove it.
    copyFileSync(`${path}-wal`, join(dir, "segment-000002.db-wal"))
    const cut = truncate(dir, "segment-000002.db-wal", 1 << 20, new Prng(1))
    expect(cut.before).toBe(counts)
    db.close()
  })

  test("without a header no frame of a journal counts", () => {
    write("segment-000001.db-wal", "short")
    expect(journalBytes(join(dir, "segment-000001.db-wal"))).toBe(0)
    const cut = truncate(dir, "segment-000001.db-wal", 100, new Prng(1))
    expect(cut.after).toBeLessThan(5)
  })
})

describe("an old copy", () => {
  test("takes the place of the log and of who the disk is, and of nothing else", () => {
    folder()
    const copy = join(dir, "sub", "copy")
    expect(copyLog(dir, copy)).toBe(4)
    expect(names(copy)).not.toContain("segment-000001.db-shm")
    appendFileSync(join(dir, "sentinel"), ", later")
    write("segment-000002.db", "later")
    write("broker.json", "later")
    expect(putBack(copy, dir)).toEqual({ files: 4, changed: 1 })
    expect(readFileSync(join(dir, "sentinel"), "utf8")).toBe("contents of sentinel")
    expect(readFileSync(join(dir, "broker.json"), "utf8")).toBe("later")
    expect(existsSync(join(dir, "segment-000002.db"))).toBe(false)
    expect(existsSync(join(dir, "segment-000001.db-shm"))).toBe(false)
  })
})

test("a wiped disk keeps settings, words for people, and its name where that is asked for", () => {
  folder()
  expect(removeLog(dir, ["identity.json"])).toBe(4)
  expect(names()).toEqual([
    "broker.json",
    "broker.log",
    "identity.json",
    "lock.db",
    "reserve",
    "sub",
  ])
})

describe("the victim", () => {
  test("is one for the whole run, until it has been given everything anew", () => {
    const victim = new Victim()
    const chance = new Prng(7)
    const first = victim.choose([0, 1, 2], chance) ?? -1
    expect([0, 1, 2]).toContain(first)
    for (let i = 0; i < 20; i++) expect(victim.choose([0, 1, 2], chance)).toBe(first)
    expect(
      victim.choose(
        [0, 1, 2].filter((id) => id !== first),
        chance,
      ),
    ).toBeUndefined()
    victim.isWhole((first + 1) % 3)
    expect(victim.choose([0, 1, 2], chance)).toBe(first)
    victim.isWhole(first)
    const later = new Set<number | undefined>()
    for (let i = 0; i < 40; i++) {
      const next = victim.choose([0, 1, 2], chance) ?? -1
      later.add(next)
      victim.isWhole(next)
    }
    expect(later.size).toBe(3)
  })

  test("there is none where nobody runs", () => {
    expect(new Victim().choose([], new Prng(1))).toBeUndefined()
  })
})

const line = (text: string) => `2026-11-21T20:00:00.000Z WARN  broker 1: ${text}\n`

describe("new lines of a log", () => {
  test("those since it was made, without their times; also of another file in its place", () => {
    write("broker.log", line("damaged before"))
    const lines = new NewLines(join(dir, "broker.log"))
    expect([lines.all(), lines.find(/damaged/)]).toEqual([[], undefined])
    appendFileSync(join(dir, "broker.log"), line("fine") + line("damaged now"))
    expect(lines.all().length).toBe(2)
    expect(lines.find(/damaged/)).toBe("damaged now")
    write("broker.log", line("begun"))
    expect(lines.find(/begun/)).toBe("begun")
  })

  test("a log that is not there yet has none", () => {
    expect(new NewLines(join(dir, "none.log")).all()).toEqual([])
  })
})
