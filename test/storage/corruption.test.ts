/** Flipped bits in the file: a read throws or the open salvages, nobody gets other bytes. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Prng } from "../../raft/prng.ts"
import { CorruptEntry, type Wal } from "../../storage/index.ts"
import { data, hardState, plain, run } from "./entries.ts"
import { openSqlite, rejection, temporaryFolder } from "./open-wals.ts"

const everything = Number.MAX_SAFE_INTEGER
const entries = [...run(30, 1, -1, { bytes: 3000 }), data(31, 29, { bytes: 90_000, term: 2 })]
const other = run(30, 1, -1, { bytes: 500, salt: 9 })
const logs = [
  [1, entries],
  [2, other],
] as const
const votes = hardState(77, "voter-seventy-seven")

let dir = ""
let file = ""

beforeEach(async () => {
  dir = temporaryFolder()
  file = join(dir, "segment-000001.db")
  const opened = await openSqlite({ rowBytesMax: 40_000 }, dir)
  const { wal } = opened
  for (const [n, entry] of entries.entries()) {
    const second = other[n] === undefined ? [] : [other[n]]
    wal.commit([
      { group: 1, entries: [entry], hardState: votes },
      { group: 2, entries: second },
    ])
    if (n % 7 === 0) await opened.durable()
  }
  await wal.close()
})
afterEach(() => rmSync(dir, { recursive: true }))

/** The folder as it is, to be put back. */
function keepIntact(): string {
  const intact = temporaryFolder()
  cpSync(dir, intact, { recursive: true })
  return intact
}

function putBack(intact: string): void {
  rmSync(dir, { recursive: true })
  cpSync(intact, dir, { recursive: true })
}

/** Flips a bit of every occurrence: pages also hold remains of moved cells. */
function flipBitOf(needle: Uint8Array, place = 0): void {
  const bytes = readFileSync(file)
  expect(bytes.indexOf(needle)).toBeGreaterThan(0)
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
    bytes.writeUInt8(bytes.readUInt8(at + place) ^ 8, at + place)
  }
  writeFileSync(file, bytes)
}

function firstDirectory(): Uint8Array {
  const db = new Database(file, { readonly: true })
  const sql = "SELECT directory FROM log ORDER BY seq LIMIT 1"
  const [row] = db.query<{ directory: Uint8Array }, []>(sql).all()
  db.close()
  return row?.directory ?? new Uint8Array(0)
}

function payloadOf(index: number): Uint8Array {
  return entries[index - 1]?.payload ?? new Uint8Array(0)
}

async function withWal(check: (wal: Wal) => void): Promise<void> {
  const { wal } = await openSqlite({}, dir)
  try {
    check(wal)
  } finally {
    await wal.close()
  }
}

describe("a flipped bit in a payload", () => {
  test("is thrown by the read of that entry and of no other", async () => {
    flipBitOf(payloadOf(12).subarray(0, 64), 30)
    await withWal((wal) => {
      const log = wal.log(1)
      const read = () => log.entries(12, 13, everything)
      expect(read).toThrow(CorruptEntry)
      expect(read).toThrow("group 1 index 12: checksum does not match")
      for (const entry of entries) {
        if (entry.index === 12) continue
        expect(log.entries(entry.index, entry.index + 1, 1).map(plain)).toEqual([plain(entry)])
      }
      expect(wal.log(2).entries(1, 99, everything).map(plain)).toEqual(other.map(plain))
    })
  })

  test("in a large payload, on an overflow page", async () => {
    flipBitOf(payloadOf(31).subarray(60_000, 60_064))
    await withWal((wal) =>
      expect(() => wal.log(1).entries(31, 32, everything)).toThrow(CorruptEntry),
    )
  })
})

/** What the open says was lost; every group it concerns is not trusted, and reads nothing wrong. */
async function losses(): Promise<string> {
  const opened = await openSqlite({}, dir)
  const { wal } = opened
  try {
    const said = wal.recovery.losses.join("\n")
    for (const [group, expected] of logs) {
      const log = wal.log(group)
      const shorter = log.lastIndex < expected.length
      if (shorter) expect(log.hardState.standing).not.toBe("trusted")
      const read = log.entries(1, everything, everything)
      expect(read.map(plain)).toEqual(expected.slice(0, log.lastIndex).map(plain))
    }
    return said
  } finally {
    await wal.close()
  }
}

describe("the open salvages, and says what it lost", () => {
  test("a flipped bit anywhere in a directory", async () => {
    const directory = firstDirectory()
    const intact = keepIntact()
    // Magic, crc, seq, slots, payload bytes; group, type, index, term, chain, entryCrc, position of
    // the first slot.
    for (const place of [0, 5, 12, 18, 22, 27, 29, 38, 46, 90, 100, 106]) {
      putBack(intact)
      flipBitOf(directory, place)
      expect(await losses()).toMatch(/directory|payload bytes/)
    }
    rmSync(intact, { recursive: true })
  })

  test("a vote that is not the one that was given", async () => {
    flipBitOf(Buffer.from("voter-seventy"), 4)
    expect(await losses()).toContain("hard state of group 1: checksum does not match")
  })

  test("a row that is missing in the middle", async () => {
    const db = new Database(file)
    const [row] = db
      .query<{ seq: number }, []>("SELECT seq FROM log ORDER BY seq LIMIT 1 OFFSET 2")
      .all()
    db.run("DELETE FROM log WHERE seq = ?", [row?.seq ?? 0])
    db.close()
    expect(await losses()).toContain(`row ${row?.seq} is missing`)
  })

  test("rows that changed places", async () => {
    const db = new Database(file)
    const rows = db.query<{ seq: number }, []>("SELECT seq FROM log ORDER BY seq LIMIT 2").all()
    const [first = 0, second = 0] = rows.map(({ seq }) => seq)
    db.run("UPDATE log SET seq = -1 WHERE seq = ?", [first])
    db.run("UPDATE log SET seq = ? WHERE seq = ?", [first, second])
    db.run("UPDATE log SET seq = ? WHERE seq = -1", [second])
    db.close()
    expect(await losses()).toContain("directory of another row")
  })
})

describe("the open refuses", () => {
  test("a file that is not a log of varve, and one of a newer version", async () => {
    // Beside its own sentinel such a file is a damaged one.
    rmSync(join(dir, "sentinel"))
    const db = new Database(file)
    db.run("PRAGMA user_version = 99")
    db.close()
    expect(await rejection(openSqlite({}, dir))).toContain("newer than this program's")
    const stranger = new Database(file)
    stranger.run("PRAGMA user_version = 1")
    stranger.run("PRAGMA application_id = 5")
    stranger.close()
    expect(await rejection(openSqlite({}, dir))).toContain("not a log of varve")
  })
})

/** What became of a flip. "silent": a log that lost its end and nobody said so. */
type Outcome = "salvaged" | "thrown" | "identical" | "silent"

async function outcomeOfReads(): Promise<Outcome> {
  const opened = await openSqlite({}, dir)
  const { wal } = opened
  try {
    let outcome: Outcome = wal.recovery.losses.length > 0 ? "salvaged" : "identical"
    for (const [group, expected] of logs) {
      const log = wal.log(group)
      if (log.lastIndex < expected.length && log.hardState.standing === "trusted") return "silent"
      expect(log.lastIndex).toBeLessThanOrEqual(expected.length)
      for (const entry of expected.slice(0, log.lastIndex)) {
        const read = log.entries(entry.index, entry.index + 1, 1)
        expect(read.map(plain)).toEqual([plain(entry)])
      }
    }
    const { standing, term, votedFor } = wal.log(1).hardState
    if (standing !== "amnesiac") expect([term, votedFor]).toEqual([votes.term, votes.votedFor])
    return outcome
  } catch (error) {
    if (error instanceof CorruptEntry) return "thrown"
    throw error
  } finally {
    await wal.close()
  }
}

test("100 random flips: never other bytes, never a word about it missing", async () => {
  const intact = keepIntact()
  const bytes = readFileSync(file)
  const prng = new Prng(20)
  const directories = [...bytes.toString("latin1").matchAll(/VDR1/g)].map(({ index }) => index)
  const counts: Record<Outcome, number> = { salvaged: 0, thrown: 0, identical: 0, silent: 0 }
  for (let n = 0; n < 100; n++) {
    putBack(intact)
    const anywhere = prng.below(bytes.length)
    const inDirectory = (directories[prng.below(directories.length)] ?? 0) + prng.below(1000)
    const inPageHead = anywhere - (anywhere % 32_768) + prng.below(40)
    const position = [anywhere, inDirectory, inPageHead][n % 3] ?? 0
    const flipped = Buffer.from(bytes)
    flipped.writeUInt8(flipped.readUInt8(position) ^ (1 << prng.below(8)), position)
    writeFileSync(file, flipped)
    counts[await outcomeOfReads()] += 1
  }
  rmSync(intact, { recursive: true })
  expect(counts.thrown).toBeGreaterThan(5)
  expect(counts.salvaged).toBeGreaterThan(10)
  expect(counts.silent).toBe(0)
}, 60_000)
