/** The logs under test behind one face: open, wait until durable, reopen, close. */
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  MemoryWal,
  openSqliteWal,
  type SqliteWal,
  type SqliteWalLimits,
  type Wal,
} from "../../storage/index.ts"

export interface OpenWal<W extends Wal = Wal> {
  readonly wal: W
  /** Commit numbers as they were reported. */
  readonly reported: ReadonlyArray<number>
  /** Everything committed so far is durable. */
  durable(): Promise<void>
  /** Closes in order and opens again what is on disk. */
  reopen(): Promise<OpenWal<W>>
  /** Everything committed so far is durable, then the process dies, and another one opens. */
  crash(): Promise<OpenWal<W>>
  /** Closes and removes. */
  dispose(): Promise<void>
}

export function openMemory(from?: MemoryWal): OpenWal<MemoryWal> {
  const reported: Array<number> = []
  const events = { onDurable: (through: number) => void reported.push(through) }
  const wal = from === undefined ? new MemoryWal(events) : from.crash(Infinity, events)
  return {
    wal,
    reported,
    durable: async () => wal.flush(),
    reopen: async () => {
      wal.flush()
      return openMemory(wal)
    },
    crash: async () => {
      wal.flush()
      return openMemory(wal)
    },
    dispose: async () => undefined,
  }
}

/** What a promise was rejected with, as text; "resolved" when it was not. */
export function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => "resolved", String)
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "varve-storage-"))
}

export async function openSqlite(
  limits: Partial<SqliteWalLimits> = {},
  dir = temporaryFolder(),
): Promise<OpenWal<SqliteWal>> {
  const reported: Array<number> = []
  let wake: (() => void) | undefined
  const wal = await openSqliteWal({
    dir,
    limits,
    onDurable: (through) => {
      reported.push(through)
      wake?.()
    },
    onFailure: (error) => {
      throw error
    },
  })
  const durable = async () => {
    const through = wal.commit([])
    while ((reported.at(-1) ?? 0) < through) {
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return {
    wal,
    reported,
    durable,
    reopen: async () => {
      await wal.close()
      return openSqlite(limits, dir)
    },
    crash: async () => {
      await durable()
      // Files cannot be copied at one moment; kills at any moment are for child processes.
      await wal.tidied()
      const left = temporaryFolder()
      cpSync(dir, left, { recursive: true })
      await wal.close()
      rmSync(dir, { recursive: true })
      return openSqlite(limits, left)
    },
    dispose: async () => {
      await wal.close()
      rmSync(dir, { recursive: true })
    },
  }
}
