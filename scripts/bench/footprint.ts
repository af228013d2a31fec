import { readFileSync } from "node:fs"

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

/**
 * Bytes that a process has had written to disks so far; 0 where the system does not count them.
 * What a folder holds would say less: deleted topics give their space back.
 */
export function writtenBytes(pid: number): number {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0)
  } catch {
    return 0
  }
}
