import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

/** What brokers take of the machine, read from outside (Linux: /proc). */

/** Resident memory of a process, MB; 0 where the machine does not say. */
export function residentMB(pid: number): number {
  try {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))
    return Math.round(Number(line?.[1] ?? 0) / 1_000)
  } catch {
    return 0
  }
}

/** Processor time of a process so far, s. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    // Fields 14 and 15 of the line, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return 0
  }
}

/** Bytes that a folder occupies on disk, holes not counted. */
export function diskBytes(dir: string): number {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => {
      try {
        return sum + statSync(join(entry.parentPath, entry.name)).blocks * 512
      } catch {
        // Removed while we looked.
        return sum
      }
    }, 0)
}
