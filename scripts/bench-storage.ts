/**
 * What the SQLite log gives of what the disk gives, both measured in one run on one folder: the
 * floors directly before and after each load, since a shared machine changes from one minute to the
 * next.
 *   bun scripts/bench-storage.ts [--mb 512] [--dir DIR] [--only words of a load's name]
 *   bun scripts/bench-storage.ts --restart [--mb 5120]: how soon a log of that size serves again
 * Not measured: replication, sockets, a slow fsync (the ratio falls with it at small commits),
 * other disks.
 */
import { scriptFlags } from "./harness/script-flags.ts"
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { sealEntry } from "../raft/entry.ts"
import type { Entry } from "../raft/types.ts"
import { openSqliteWal, type SqliteWal, type SqliteWalLimits } from "../storage/index.ts"

const KiB = 1024
const MiB = 1024 * KiB

const values = scriptFlags({
  mb: { type: "string", default: "512" },
  dir: { type: "string" },
  only: { type: "string", default: "" },
  restart: { type: "boolean", default: false },
})
const totalBytes = Number(values.mb) * MiB
const base = mkdtempSync(join(values.dir ?? tmpdir(), "varve-bench-storage-"))

/** Bytes that this process caused to be written to disks; 0 where the system does not say. */
function writtenBytes(): number {
  try {
    return Number(/write_bytes: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** MB/s of appending chunks to a file, with an fdatasync after each or one at the end. */
function appendRate(bytes: number, chunkBytes: number, syncEach: boolean): number {
  const path = join(base, "floor")
  const descriptor = openSync(path, "w")
  const chunk = randomBytes(chunkBytes)
  const startedMs = performance.now()
  for (let done = 0; done < bytes; done += chunkBytes) {
    writeSync(descriptor, chunk)
    if (syncEach) fdatasyncSync(descriptor)
  }
  fdatasyncSync(descriptor)
  const seconds = (performance.now() - startedMs) / 1000
  closeSync(descriptor)
  rmSync(path)
  return bytes / 1e6 / seconds
}

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536)
    crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

interface Load {
  readonly name: string
  readonly groups: number
  /** Per commit: this many entries to each group. */
  readonly entriesPerGroup: number
  readonly entryBytes: number
  readonly bytes: number
  /** Payload bytes on their way at most; 0 = one commit at a time. */
  readonly outstandingBytes: number
  readonly withHardState: boolean
  readonly limits?: Partial<SqliteWalLimits>
}

interface Measured {
  readonly mbPerSecond: number
  readonly transactionsPerSecond: number
  readonly writtenPerByte: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
}

function entriesOf(wal: SqliteWal, group: number, load: Load, payload: Uint8Array): Array<Entry> {
  const log = wal.log(group)
  const { lastIndex, lastOffset } = log
  return Array.from({ length: load.entriesPerGroup }, (_, n) =>
    sealEntry("data", 1, lastIndex + 1 + n, 1_700_000_000_000, {
      appendMs: 0,
      firstOffset: lastOffset + 1 + n,
      lastOffset: lastOffset + 1 + n,
      maxTimestamp: 1_700_000_000_000 + lastIndex + n,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      payload,
    }),
  )
}

async function write(dir: string, load: Load): Promise<Measured> {
  const acks: Array<number> = []
  const sentMs: Array<number> = []
  let wake: (() => void) | undefined
  const wal = await openSqliteWal({
    dir,
    ...(load.limits === undefined ? {} : { limits: load.limits }),
    onDurable: (through) => {
      const nowMs = performance.now()
      while (acks.length < through) acks.push(nowMs - (sentMs[acks.length] ?? nowMs))
      wake?.()
    },
    onFailure: (error) => {
      throw error
    },
  })
  const payload = randomBytes(load.entryBytes)
  const hardState = {
    term: 1,
    votedFor: "a",
    commitIndex: 0,
    acceptedTerm: 1,
    standing: "trusted" as const,
  }
  const writtenBefore = writtenBytes()
  const startedMs = performance.now()
  for (let sent = 0; sent < load.bytes;) {
    const writes = Array.from({ length: load.groups }, (_, group) => ({
      group,
      entries: entriesOf(wal, group, load, payload),
      ...(load.withHardState ? { hardState: { ...hardState, commitIndex: sent } } : {}),
    }))
    sentMs.push(performance.now())
    wal.commit(writes)
    sent += load.groups * load.entriesPerGroup * load.entryBytes
    // As a broker does: sockets and timers get their turn.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (wal.pendingBytes > load.outstandingBytes) {
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  while (acks.length < sentMs.length) await new Promise<void>((resolve) => (wake = resolve))
  const seconds = (performance.now() - startedMs) / 1000
  const { bytes, transactions } = wal.stats()
  await wal.close()
  acks.sort((a, b) => a - b)
  return {
    mbPerSecond: bytes / 1e6 / seconds,
    transactionsPerSecond: transactions / seconds,
    writtenPerByte: (writtenBytes() - writtenBefore) / bytes,
    ackP50Ms: acks[acks.length >> 1] ?? 0,
    ackP99Ms: acks[Math.floor(acks.length * 0.99)] ?? 0,
  }
}

/** Opening and reading back what a load left behind, nothing of it cached. */
async function readBack(dir: string, fetchBytes: number): Promise<void> {
  const wal = await openSqliteWal({ dir, onDurable: () => {}, onFailure: () => {} })
  const { recovery } = wal
  console.log(
    `  reopened: ${recovery.entries} entries in ${recovery.rows} rows, ${(recovery.payloadBytes / MiB).toFixed(0)} MiB, ${recovery.elapsedMs.toFixed(0)} ms`,
  )
  const startedMs = performance.now()
  let bytes = 0
  for (const group of wal.groups().slice(0, 50)) {
    const log = wal.log(group)
    for (let next = 1; next <= log.lastIndex;) {
      const entries = log.entries(next, log.lastIndex + 1, fetchBytes)
      for (const entry of entries) bytes += entry.payload.length
      next += entries.length
    }
  }
  const seconds = (performance.now() - startedMs) / 1000
  console.log(
    `  read back by ${fetchBytes / KiB} KiB, CRC and chain verified: ${(bytes / 1e6 / seconds).toFixed(0)} MB/s`,
  )
  await wal.close()
}

const oneMegabyte = {
  groups: 1,
  entriesPerGroup: 64,
  entryBytes: 16 * KiB,
  bytes: totalBytes,
  outstandingBytes: 4 * MiB,
  withHardState: false,
}
const loads: ReadonlyArray<Load> = [
  {
    ...oneMegabyte,
    name: "1 MiB transactions, 16 KiB entries",
    limits: { transactionBytesMax: MiB },
  },
  { ...oneMegabyte, name: "the same, grouped as it comes", outstandingBytes: 8 * MiB },
  {
    ...oneMegabyte,
    name: "1 KiB entries, 12 groups",
    groups: 12,
    entriesPerGroup: 80,
    entryBytes: KiB,
  },
  {
    name: "1,000 groups × 4 KiB per commit, hard states too",
    groups: 1000,
    entriesPerGroup: 1,
    entryBytes: 4 * KiB,
    bytes: totalBytes,
    outstandingBytes: 8 * MiB,
    withHardState: true,
  },
  {
    name: "one 16 KiB entry at a time",
    groups: 1,
    entriesPerGroup: 1,
    entryBytes: 16 * KiB,
    bytes: totalBytes / 16,
    outstandingBytes: 0,
    withHardState: false,
  },
]

interface Floors {
  readonly sequential: number
  readonly append: number
}

/** MB/s of the plain file: one fsync at the end, and one after each mebibyte. */
function measureFloors(): Floors {
  const bytes = Math.max(64 * MiB, totalBytes / 4)
  return { sequential: appendRate(bytes, MiB, false), append: appendRate(bytes, MiB, true) }
}

/** From the call to the first durable commit; then a slice of every group, nothing of it cached. */
async function restart(dir: string): Promise<void> {
  const startedMs = performance.now()
  const cpuBefore = process.cpuUsage()
  let wake: (() => void) | undefined
  const wal = await openSqliteWal({ dir, onDurable: () => wake?.(), onFailure: () => {} })
  const openMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(cpuBefore)
  const durable = new Promise<void>((resolve) => (wake = resolve))
  wal.commit([{ group: 0, entries: [], hardState: { ...wal.log(0).hardState, term: 2 } }])
  await durable
  const servingMs = performance.now() - startedMs
  const { recovery } = wal
  const readMs = performance.now()
  for (const group of wal.groups()) {
    const log = wal.log(group)
    log.entries(log.firstIndex + Math.floor(log.lastIndex / 2), log.lastIndex, 4 * KiB)
  }
  const slicesMs = (performance.now() - readMs) / recovery.groups
  console.log(
    `${(recovery.payloadBytes / MiB).toFixed(0)} MiB in ${recovery.segments} files, ` +
      `${recovery.groups} groups, ${recovery.entries} entries: open ${openMs.toFixed(0)} ms ` +
      `(replay ${recovery.elapsedMs.toFixed(0)}, CPU ${((user + system) / 1000).toFixed(0)}), first durable commit ${servingMs.toFixed(0)} ms, ` +
      `a slice of 4 KiB in the middle of a group ${(slicesMs * 1000).toFixed(0)} µs`,
  )
  await wal.close()
}

if (values.restart) {
  for (const [n, load] of loads.slice(1, 4).entries()) {
    if (!load.name.includes(values.only)) continue
    const dir = join(base, `restart-${n}`)
    console.log(`${load.name}:`)
    await write(dir, { ...load, bytes: totalBytes })
    await restart(dir)
    await restart(dir)
    rmSync(dir, { recursive: true })
  }
}

for (const [n, load] of values.restart ? [] : loads.entries()) {
  if (!load.name.includes(values.only)) continue
  const dir = join(base, String(n))
  const before = measureFloors()
  const cpuBefore = process.cpuUsage()
  const measured = await write(dir, load)
  const { user, system } = process.cpuUsage(cpuBefore)
  const after = measureFloors()
  const sequential = (before.sequential + after.sequential) / 2
  const append = (before.append + after.append) / 2
  console.log(`${load.name}: ${measured.mbPerSecond.toFixed(0)} MB/s`)
  console.log(
    `  = ${(measured.mbPerSecond / sequential).toFixed(2)} × sequential (${sequential.toFixed(0)} MB/s), ` +
      `${(measured.mbPerSecond / append).toFixed(2)} × append+fdatasync of 1 MiB (${append.toFixed(0)} MB/s)`,
  )
  console.log(
    `  ${measured.transactionsPerSecond.toFixed(0)} tx/s, ${measured.writtenPerByte.toFixed(2)} bytes written per byte, ` +
      `durable after p50 ${measured.ackP50Ms.toFixed(2)} p99 ${measured.ackP99Ms.toFixed(2)} ms, ` +
      `${((user + system) / 1e3 / (load.bytes / 1e6)).toFixed(2)} ms of CPU per MB`,
  )
  await readBack(dir, MiB)
  rmSync(dir, { recursive: true })
}
rmSync(base, { recursive: true })
console.log(`peak memory ${(process.resourceUsage().maxRSS / KiB).toFixed(0)} MiB`)
