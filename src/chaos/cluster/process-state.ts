/** What the operating system says of a process. */
import { readFileSync } from "node:fs"

/** "gone": there is none, or it has ended and was not waited for yet. */
export type ProcessState = "running" | "stopped" | "gone"

export function processState(pid: number): ProcessState {
  const letter = process.platform === "linux" ? letterOfProc(pid) : letterOfPs(pid)
  if (letter === "" || letter === "Z" || letter === "X") return "gone"
  return letter === "T" || letter === "t" ? "stopped" : "running"
}

function letterOfProc(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name in front may hold anything, also parentheses.
    return stat.charAt(stat.lastIndexOf(")") + 2)
  } catch {
    return ""
  }
}

function letterOfPs(pid: number): string {
  const { stdout } = Bun.spawnSync(["ps", "-o", "state=", "-p", String(pid)])
  return stdout.toString().trim().charAt(0)
}

/** False when there is no such process any more. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}
