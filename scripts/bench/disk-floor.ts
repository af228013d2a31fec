import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { quantiles, type Quantiles } from "./quantiles.ts"

/** What the disk under a folder can do at most: nothing that promises durability is faster. */
export interface DiskFloor {
  /** One file written from front to back, one fdatasync at its end, MB/s. */
  readonly sequentialMBps: number
  /** The same with an fdatasync after every MB, MB/s. */
  readonly syncedMBps: number
  /** A 4 KB append and its fdatasync, ms. */
  readonly smallSync: Quantiles
}

const MB = 1_000_000

function writeFile(path: string, chunk: Uint8Array, count: number, syncEach: boolean): number[] {
  const file = openSync(path, "w")
  const times: Array<number> = []
  try {
    for (let i = 0; i < count; i++) {
      const started = performance.now()
      writeSync(file, chunk)
      if (syncEach || i === count - 1) fdatasyncSync(file)
      times.push(performance.now() - started)
    }
  } finally {
    closeSync(file)
    rmSync(path)
  }
  return times
}

const sum = (times: ReadonlyArray<number>) => times.reduce((total, time) => total + time, 0)

export function measureDisk(dir: string, megabytes = 256): DiskFloor {
  const path = join(dir, "disk-floor")
  const chunk = crypto.getRandomValues(new Uint8Array(64 << 10))
  const large = new Uint8Array(MB)
  for (let at = 0; at < MB; at += chunk.length) large.set(chunk.subarray(0, MB - at), at)
  const rate = (times: ReadonlyArray<number>) => Math.round((megabytes / sum(times)) * 1_000)
  return {
    sequentialMBps: rate(writeFile(path, large, megabytes, false)),
    syncedMBps: rate(writeFile(path, large, megabytes, true)),
    smallSync: quantiles(writeFile(path, chunk.subarray(0, 4096), 300, true)),
  }
}
