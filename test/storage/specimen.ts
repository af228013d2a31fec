/**
 * A log with everything in it that a log has, as files in memory: to be damaged, opened and
 * compared with what was written. Copied while it was in use it has a journal, copied when closed
 * it has none.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Prng } from "../../raft/prng.ts"
import type { Entry } from "../../raft/types.ts"
import {
  CorruptEntry,
  MemoryWal,
  openSqliteWal,
  type GroupWrite,
  type SqliteWal,
  type Wal,
} from "../../storage/index.ts"
import { lagMs } from "../../storage/sentinel.ts"
import { data } from "./entries.ts"
import { folder } from "./shim/power.ts"

export type Files = ReadonlyMap<string, Buffer>

export interface Specimen {
  readonly files: Files
  /** As they were before, oldest first. */
  readonly older: ReadonlyArray<Files>
  readonly expected: Wal
  /** Every entry there ever was, by group, index and term. */
  readonly history: ReadonlyMap<string, Entry>
}

export const specimenGroups: ReadonlyArray<number> = [1, 2, 3]
const limits = { rowBytesMax: 16_384, checkpointPages: 40, pageBytes: 4096, segmentBytes: 400_000 }

/** Terms rise, votes are given, tails are replaced, entries span pages. */
function specimenCommit(k: number, wal: Wal, seed: number): ReadonlyArray<GroupWrite> {
  const prng = new Prng(seed * 1000 + k)
  return specimenGroups.flatMap((group) => {
    if (prng.below(4) === 0) return []
    const log = wal.log(group)
    const before = log.hardState
    const term = before.term + (prng.below(6) === 0 || before.term === 0 ? 1 : 0)
    const votedFor = term === before.term ? before.votedFor : `${prng.below(5)}:disk-of-a-voter`
    const back = term > before.term ? prng.below(3) : 0
    const first = Math.max(1, log.lastIndex + 1 - back)
    const lastOffset = log.metas(first - 1, first, 1)[0]?.lastOffset ?? -1
    const bytes = prng.below(12) === 0 ? 30_000 : prng.below(2500)
    const entries = Array.from({ length: 1 + prng.below(3) }, (_, n) =>
      data(first + n, lastOffset + n, { term, bytes, salt: k }),
    )
    const commitIndex = Math.min(before.commitIndex + prng.below(3), first - 1)
    const hardState = {
      term,
      votedFor,
      acceptedTerm: term,
      commitIndex: Math.max(commitIndex, 0),
      standing: "trusted" as const,
    }
    return [{ group, entries, hardState }]
  })
}

export type Copied = "in use" | "closed"

export async function writeSpecimen(
  seed: number,
  copied: Copied = "in use",
  commits = 60,
): Promise<Specimen> {
  const dir = folder("varve-specimen-")
  const expected = new MemoryWal({ onDurable: () => {} })
  const history = new Map<string, Entry>()
  const older: Array<Files> = []
  const durable = new Reports()
  const wal = await openSqliteWal({
    dir,
    limits,
    onDurable: (through) => durable.report(through),
    onFailure: (error) => {
      throw error
    },
  })
  for (let k = 1; k <= commits; k++) {
    const writes = specimenCommit(k, expected, seed)
    expected.commit(writes)
    const number = wal.commit(writes)
    for (const { group, entries } of writes) {
      for (const entry of entries) history.set(`${group}:${entry.index}:${entry.term}`, entry)
    }
    await durable.reached(number)
    if (k % 15 !== 0 || k === commits) continue
    await wal.tidied()
    older.push(readFiles(dir))
  }
  // The sentinel's heights may lag that far behind.
  await Bun.sleep(lagMs * 1.5)
  await wal.tidied()
  if (copied === "closed") await wal.close()
  const files = readFiles(dir)
  if (copied === "in use") await wal.close()
  rmSync(dir, { recursive: true })
  return { files, older, expected, history }
}

/** The last report, and whoever waits for one. */
class Reports {
  private through = 0
  private wake: (() => void) | undefined

  report(through: number): void {
    this.through = through
    this.wake?.()
  }

  async reached(number: number): Promise<void> {
    while (this.through < number) await new Promise<void>((resolve) => (this.wake = resolve))
  }
}

function readFiles(dir: string): Files {
  const names = readdirSync(dir).filter((name) => !name.endsWith("-shm"))
  return new Map(names.map((name) => [name, readFileSync(join(dir, name))]))
}

export type Outcome = "without effect" | "detected" | "wrong"

export interface Judged {
  readonly outcome: Outcome
  readonly why: string
  readonly lines: ReadonlyArray<string>
}

/** Opens the files and compares everything that can be read with what was written. */
export async function openDamaged(files: Files, specimen: Specimen): Promise<Judged> {
  const dir = folder("varve-damaged-")
  mkdirSync(dir, { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(dir, name), bytes)
  const lines: Array<string> = []
  let wal: SqliteWal | undefined
  try {
    wal = await openSqliteWal({
      dir,
      limits,
      log: (line) => void lines.push(line),
      scrubBytesPerSecond: 0,
      onDurable: () => {},
      onFailure: () => {},
    })
    return { ...compare(wal, specimen, wal.recovery.losses), lines }
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { outcome: "wrong", why: `it does not open: ${what}`, lines }
  } finally {
    await wal?.close()
    rmSync(dir, { recursive: true })
  }
}

function compare(
  wal: Wal,
  specimen: Specimen,
  losses: ReadonlyArray<string>,
): { outcome: Outcome; why: string } {
  let detected = ""
  for (const group of new Set([...specimenGroups, ...wal.groups()])) {
    const state = compareState(wal, specimen, group)
    if (state.outcome === "wrong") return state
    if (state.outcome === "detected" && losses.length === 0) {
      return { outcome: "wrong", why: `${state.why}, and not a line of it in the log` }
    }
    const read = compareEntries(wal, specimen, group, state.outcome === "without effect")
    if (read.outcome === "wrong") return read
    if (state.outcome === "detected") detected = state.why
    if (read.outcome === "detected") detected = read.why
  }
  return { outcome: detected === "" ? "without effect" : "detected", why: detected }
}

function compareState(wal: Wal, { expected }: Specimen, group: number) {
  const { hardState, lastIndex } = wal.log(group)
  const truth = expected.log(group)
  const { standing, term, votedFor } = hardState
  const known = truth.hardState
  const wrong = (why: string) => ({ outcome: "wrong", why: `group ${group}: ${why}` }) as const
  if (standing === "amnesiac") return { outcome: "detected", why: "amnesiac" } as const
  if (term < known.term) return wrong(`${standing}, term ${term} of ${known.term}`)
  if (term === known.term && votedFor !== known.votedFor) {
    return wrong(`${standing}, voted for ${votedFor}, not ${known.votedFor}`)
  }
  if (standing === "recovering") return { outcome: "detected", why: "recovering" } as const
  if (lastIndex !== truth.lastIndex) {
    return wrong(`trusted, ends at ${lastIndex} of ${truth.lastIndex}`)
  }
  return { outcome: "without effect", why: "" } as const
}

/**
 * A log that is not trusted may hold what was replaced; one that is holds what was written last.
 */
function compareEntries(wal: Wal, specimen: Specimen, group: number, trusted: boolean) {
  const log = wal.log(group)
  const truth = specimen.expected.log(group)
  let damaged: string | undefined
  for (let index = log.firstIndex; index <= log.lastIndex; index++) {
    const read = attempt(() => log.entries(index, index + 1, 1)[0])
    if (typeof read === "string") {
      damaged = read
      continue
    }
    const term = read?.term ?? 0
    const written = trusted
      ? truth.entries(index, index + 1, 1)[0]
      : specimen.history.get(`${group}:${index}:${term}`)
    if (read === undefined || written === undefined || !isSame(read, written)) {
      return { outcome: "wrong", why: `group ${group} index ${index}: another entry` } as const
    }
  }
  if (damaged !== undefined) return { outcome: "detected", why: damaged } as const
  const offsets = [0, 1, Math.floor(log.lastOffset / 2), log.lastOffset, log.lastOffset + 1]
  for (const offset of trusted ? offsets : []) {
    if (log.indexOfOffset(offset) !== truth.indexOfOffset(offset)) {
      return { outcome: "wrong", why: `group ${group}: offset ${offset}` } as const
    }
  }
  return { outcome: "without effect", why: "" } as const
}

function attempt<A>(read: () => A): A | string {
  try {
    return read()
  } catch (error) {
    if (error instanceof CorruptEntry) return error.message
    throw error
  }
}

function isSame(a: Entry, b: Entry): boolean {
  const { payload, ...envelope } = a
  const { payload: otherPayload, ...other } = b
  return Buffer.compare(payload, otherPayload) === 0 && Bun.deepEquals(envelope, other)
}
