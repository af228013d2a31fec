/** Entries that name a group's members, damaged on a real disk. */
import { afterEach, beforeEach, expect, test } from "bun:test"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { encodeConfiguration } from "../../raft/configuration.ts"
import { sealInternal } from "../../raft/entry.ts"
import type { Entry, LogIndex } from "../../raft/types.ts"
import { damagedMembers, forgetDamagedMembers } from "../../src/partition/damaged-members.ts"
import type { GroupId, Wal } from "../../storage/index.ts"
import { hardState, plain, run } from "../storage/entries.ts"
import { openSqlite, temporaryFolder } from "../storage/open-wals.ts"

const everything = Number.MAX_SAFE_INTEGER

const payloadNaming = (voter: string): Uint8Array =>
  encodeConfiguration({
    voters: [voter, "1/other"],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    witnesses: [],
  })

const naming = (index: LogIndex, lastOffset: number, voter: string): Entry =>
  sealInternal("configuration", 1, index, 5000 + index, lastOffset, payloadNaming(voter))

const [older, newer] = ["0/the-older-member", "0/the-newer-member"]
const entries = [
  ...run(4, 1, -1),
  naming(5, 3, older),
  ...run(4, 6, 3),
  naming(10, 7, newer),
  ...run(5, 11, 7),
]

let dir = ""
beforeEach(() => (dir = temporaryFolder()))
afterEach(() => rmSync(dir, { recursive: true }))

async function write(group: GroupId, commitIndex: LogIndex): Promise<void> {
  const log = await openSqlite({}, dir)
  log.wal.commit([{ group, entries, hardState: { ...hardState(1), commitIndex } }])
  await log.durable()
  await log.wal.close()
}

/** Groups 1 and 2 with equal logs, and in group 1 one bit of each of these entries flipped. */
async function written(commitIndex: LogIndex, ...damaged: ReadonlyArray<string>): Promise<void> {
  await write(1, commitIndex)
  const file = join(dir, "segment-000001.db")
  const bytes = readFileSync(file)
  for (const voter of damaged) {
    const at = bytes.indexOf(payloadNaming(voter))
    expect(at).toBeGreaterThan(0)
    bytes.writeUInt8(bytes.readUInt8(at + 9) ^ 4, at + 9)
  }
  writeFileSync(file, bytes)
  await write(2, commitIndex)
}

async function opened(check: (wal: Wal) => void): Promise<void> {
  const { wal } = await openSqlite({}, dir)
  try {
    check(wal)
  } finally {
    await wal.close()
  }
}

test("the newest is damaged: the log forgets from it on, for good, and no other log does", async () => {
  await written(12, newer)
  await opened((wal) => {
    expect(damagedMembers(wal.log(1))?.index).toBe(10)
    expect(damagedMembers(wal.log(2))).toBeUndefined()
    expect(wal.log(1).lastIndex).toBe(15)
    expect(forgetDamagedMembers(wal, 1)?.index).toBe(10)
    expect(forgetDamagedMembers(wal, 2)).toBeUndefined()
  })
  await opened((wal) => {
    const log = wal.log(1)
    expect(log.lastIndex).toBe(9)
    expect(log.hardState.standing).toBe("recovering")
    expect(log.configurationAt(log.lastIndex)?.index).toBe(5)
    expect(damagedMembers(log)).toBeUndefined()
    expect(wal.log(2).hardState.standing).toBe("trusted")
    expect(wal.log(2).entries(1, 99, everything).map(plain)).toEqual(entries.map(plain))
  })
})

test("one before it is damaged: that matters while a truncation may bring it back", async () => {
  await written(12, older)
  await opened((wal) => expect(damagedMembers(wal.log(1))).toBeUndefined())
  rmSync(dir, { recursive: true })
  dir = temporaryFolder()
  await written(7, older)
  await opened((wal) => expect(damagedMembers(wal.log(1))?.index).toBe(5))
})

test("both are damaged: the log ends before the older one", async () => {
  await written(7, older, newer)
  await opened((wal) => {
    expect(forgetDamagedMembers(wal, 1)?.index).toBe(5)
    expect(wal.log(1).lastIndex).toBe(4)
    expect(damagedMembers(wal.log(1))).toBeUndefined()
  })
})
