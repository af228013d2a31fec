/**
 * How long a look-up by time takes in a large partition, and so for how long it stalls the event
 * loop: it is done in one piece. Nothing of the log is in memory but the places of its rows.
 *     bun scripts/bench-time-lookup.ts [--mb 5120] [--dir DIR]
 * Exit 1 when one takes 20 ms, or one in a hundred more than 5 ms, of processor time: what the
 * clock says besides is what else the machine does.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { sealEntry } from "../raft/entry.ts"
import type { Entry } from "../raft/types.ts"
import { recordAtTimestamp, recordOfMaxTimestamp } from "../src/partition/timestamp-lookup.ts"
import type { Readable } from "../src/partition/timestamp-lookup.ts"
import { assignOffsets, setLogAppendTime } from "../src/protocol/record-batch.ts"
import { openSqliteWal, type SqliteWal } from "../storage/index.ts"
import { batchOf } from "./bench/produce-load.ts"
import { scriptFlags } from "./harness/script-flags.ts"

const KiB = 1024
const MiB = 1024 * KiB
const args = scriptFlags({ mb: { type: "string", default: "5120" }, dir: { type: "string" } })
const group = 1
const startMs = 1_700_000_000_000
const lookups = 1_000
const pendingBytesMax = 16 * MiB

interface Load {
  readonly name: string
  readonly recordBytes: number
  readonly batchBytes: number
  readonly bytes: number
  /** Batches in a commit: each commit lies in rows of its own. */
  readonly perCommit: number
}

const totalBytes = Number(args.mb) * MiB
const loads: ReadonlyArray<Load> = [
  {
    name: "16 batches of 16 records of 1 KiB per commit",
    recordBytes: KiB,
    batchBytes: 16 * KiB,
    bytes: totalBytes,
    perCommit: 16,
  },
  {
    name: "single records of 100 bytes, 2,000 per commit",
    recordBytes: 100,
    batchBytes: 100,
    bytes: totalBytes / 32,
    perCommit: 2_000,
  },
  {
    name: "batches of 1 MiB",
    recordBytes: KiB,
    batchBytes: MiB,
    bytes: totalBytes / 8,
    perCommit: 1,
  },
]

/** The next batch; a millisecond later than the one before. */
function entryAfter(wal: SqliteWal, ahead: number, batch: Uint8Array, records: number): Entry {
  const log = wal.log(group)
  const index = log.lastIndex + 1 + ahead
  const firstOffset = log.lastOffset + 1 + ahead * records
  const payload = new Uint8Array(batch)
  setLogAppendTime(payload, startMs + index)
  assignOffsets(payload, firstOffset, 1)
  return sealEntry("data", 1, index, startMs + index, {
    appendMs: startMs + index,
    firstOffset,
    lastOffset: firstOffset + records - 1,
    maxTimestamp: startMs + index,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    payload,
  })
}

function fail(error: Error): never {
  throw error
}

async function fill(dir: string, load: Load): Promise<void> {
  let wake: (() => void) | undefined
  const wal = await openSqliteWal({ dir, onDurable: () => wake?.(), onFailure: fail })
  const { bytes: batch, records } = batchOf(load.recordBytes, load.batchBytes)
  for (let sent = 0; sent < load.bytes;) {
    const entries = Array.from({ length: load.perCommit }, (_, n) =>
      entryAfter(wal, n, batch, records),
    )
    wal.commit([{ group, entries }])
    sent += load.perCommit * batch.length
    while (wal.pendingBytes > pendingBytesMax) {
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  await wal.close()
}

const quantile = (ascending: ReadonlyArray<number>, part: number) =>
  ascending[Math.min(ascending.length - 1, Math.floor(part * ascending.length))] ?? 0

interface Took {
  readonly clock: number
  readonly cpu: number
}

const ms = (value: number) => Math.round(value * 100) / 100

function timed(look: () => unknown): Took {
  const beganMs = performance.now()
  const before = process.cpuUsage()
  if (look() === undefined) throw new Error("nothing was found")
  const { user, system } = process.cpuUsage(before)
  return { clock: performance.now() - beganMs, cpu: (user + system) / 1000 }
}

const sorted = (times: ReadonlyArray<Took>, kind: keyof Took) =>
  times.map((took) => took[kind]).toSorted((a, b) => a - b)

async function measure(load: Load) {
  const dir = mkdtempSync(join(args.dir ?? tmpdir(), "varve-bench-time-"))
  try {
    await fill(dir, load)
    const wal = await openSqliteWal({ dir, onDurable: () => {}, onFailure: () => {} })
    const log = wal.log(group)
    const hi = log.lastIndex + 1
    const readable: Readable = { log, logStartOffset: 0, hi, onCorrupt: fail }
    const times = Array.from({ length: lookups }, () => {
      const at = startMs + 1 + Math.floor(Math.random() * log.lastIndex)
      return timed(() => recordAtTimestamp(readable, at))
    })
    const clock = sorted(times, "clock")
    const cpu = sorted(times, "cpu")
    // As after retention has taken the latest record: nothing is known but the envelopes.
    const greatest = timed(() => recordOfMaxTimestamp(readable, { index: -1, timestamp: 0 }))
    const { storedBytes } = wal.stats()
    await wal.close()
    return {
      load: load.name,
      MiB: Math.round(storedBytes / MiB),
      batches: log.lastIndex,
      p50: ms(quantile(clock, 0.5)),
      p99: ms(quantile(clock, 0.99)),
      max: ms(clock.at(-1) ?? 0),
      cpuP50: ms(quantile(cpu, 0.5)),
      cpuP99: ms(quantile(cpu, 0.99)),
      cpuMax: ms(cpu.at(-1) ?? 0),
      greatestCpu: ms(greatest.cpu),
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const rows = []
for (const load of loads) rows.push(await measure(load))
console.log("milliseconds of a look-up by time")
console.table(rows)
process.exit(rows.every(({ cpuP99, cpuMax }) => cpuMax < 20 && cpuP99 <= 5) ? 0 : 1)
