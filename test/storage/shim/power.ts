/** Running a load under it, and playing power cuts from its record. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Prng } from "../../../raft/prng.ts"
import { DiskImage, readRecord, type DiskEvent } from "../../../src/chaos/disk/power/image.ts"
import { MemoryWal, openSqliteWal, type Wal } from "../../../storage/index.ts"
import { workloadGroups, workloadProgress } from "../workload.ts"
import { powerCommit } from "./power-load.ts"

/** In memory where that is to be had: what is durable is decided by the record, not by a disk. */
export function folder(prefix: string): string {
  return mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), prefix))
}

export interface Load {
  readonly library: string
  readonly nodes: number
  readonly commits: number
  readonly steady: boolean
  readonly plant?: "synchronous-normal"
  /** More of the environment: errors that the shim is to make. */
  readonly env?: Record<string, string>
}

export interface Recorded {
  readonly events: ReadonlyArray<DiskEvent>
  readonly exitCode: number | null
  readonly stderr: string
  /** Where the nodes' folders are. */
  readonly root: string
}

/** Runs the load to its end; the caller removes `root`. */
export async function record(load: Load): Promise<Recorded> {
  const root = folder("varve-power-")
  const log = `${root}.record`
  const child = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "power-child.ts"),
      root,
      String(load.nodes),
      String(load.commits),
      load.steady ? "steady" : "",
    ],
    {
      env: {
        ...process.env,
        LD_PRELOAD: load.library,
        POWER_LIBRARY: load.library,
        POWER_DIR: root,
        POWER_LOG: log,
        ...(load.plant === undefined ? {} : { POWER_PLANT: load.plant }),
        ...load.env,
      },
      stdout: "ignore",
      stderr: "pipe",
    },
  )
  const stderr = await new Response(child.stderr).text()
  await child.exited
  const events = readRecord(log)
  rmSync(log)
  return { events, exitCode: child.exitCode, stderr, root }
}

/** What became of one node in one cut. */
export interface Survival {
  readonly node: number
  /** Commits reported durable before the cut, and found after it. */
  readonly reported: number
  readonly found: number
  /** Every entry and state of the commits found is as it was written. */
  readonly identical: boolean
  /** Groups that are not trusted any more, and what the log said. */
  readonly distrusted: ReadonlyArray<number>
  readonly lines: ReadonlyArray<string>
}

/** The logs as they must be after each number of commits, made once and in order. */
export class Expected {
  private readonly steady: boolean
  private readonly wal = new MemoryWal({ onDurable: () => {} })
  private readonly seen = new Map<number, string>()
  private commits = 0

  constructor(steady: boolean) {
    this.steady = steady
    this.seen.set(0, fingerprint(this.wal))
  }

  at(commits: number): string {
    while (this.commits < commits) {
      this.wal.commit(powerCommit(++this.commits, this.wal, this.steady))
      this.seen.set(this.commits, fingerprint(this.wal))
    }
    return this.seen.get(commits) ?? ""
  }
}

/**
 * A hash over every entry, offset, term and hard state of the log. Throws when one is not readable.
 */
export function fingerprint(wal: Wal): string {
  const hasher = new Bun.CryptoHasher("md5")
  for (const group of workloadGroups) {
    const log = wal.log(group)
    const { standing: _, ...state } = log.hardState
    hasher.update(JSON.stringify([group, log.firstIndex, log.lastIndex, log.lastOffset, state]))
    for (const { payload, ...envelope } of log.entries(1, Infinity, Infinity)) {
      hasher.update(JSON.stringify(Object.values(envelope)))
      hasher.update(payload)
    }
  }
  return hasher.digest("hex")
}

export interface CutPlan {
  readonly count: number
  readonly seed: number
  /** Kills instead of cuts: what was written is there, fsynced or not. */
  readonly kills?: boolean
}

/** Plays cuts at random moments of the record; every node of it is opened after each. */
export async function playCuts(
  { events, root }: Recorded,
  nodes: number,
  expected: Expected,
  { count, seed, kills = false }: CutPlan,
  see: (survival: Survival) => void,
): Promise<void> {
  const prng = new Prng(seed)
  const moments = Array.from({ length: count }, () => 1 + prng.below(events.length)).sort(
    (a, b) => a - b,
  )
  const image = new DiskImage()
  const reported = new Map<number, number>()
  let at = 0
  for (const moment of moments) {
    for (; at < moment; at++) {
      const event = events[at]
      if (event?._tag === "mark") reported.set(event.node, event.number)
      else if (event !== undefined) image.apply(event)
    }
    const left = folder("varve-cut-")
    for (const [path, bytes] of image.cut(prng, kills ? 100 : undefined)) {
      const place = join(left, path.slice(root.length))
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, bytes)
    }
    for (let node = 0; node < nodes; node++) {
      const dir = join(left, `node-${node}`)
      see(await survivalOf(dir, node, reported.get(node) ?? 0, expected))
    }
    rmSync(left, { recursive: true })
  }
}

export async function survivalOf(
  dir: string,
  node: number,
  reported: number,
  expected: Expected,
): Promise<Survival> {
  const lines: Array<string> = []
  const wal = await openSqliteWal({
    dir,
    log: (line) => void lines.push(line),
    onDurable: () => {},
    onFailure: (error) => {
      throw error
    },
  })
  try {
    const found = workloadProgress(wal)
    const distrusted = wal
      .groups()
      .filter((group) => wal.log(group).hardState.standing !== "trusted")
    const identical = fingerprint(wal) === expected.at(found)
    return { node, reported, found, identical, distrusted, lines }
  } finally {
    await wal.close()
  }
}
