/** What the operating system knows of a process. */
import { readFileSync } from "node:fs"

/** A zombie (ended, not waited for) counts as gone. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
  return !isZombie(pid)
}

/** The command line; empty when there is no such process. */
export function commandOf(pid: number): string {
  if (process.platform === "linux") {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
    } catch {
      return ""
    }
  }
  return Bun.spawnSync(["ps", "-o", "command=", "-p", String(pid)]).stdout.toString()
}

function isZombie(pid: number): boolean {
  if (process.platform !== "linux") return false
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z")
  } catch {
    return true
  }
}
