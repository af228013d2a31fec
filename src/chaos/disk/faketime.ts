/** libfaketime, where it is installed: the whole process is wrong about the time. */
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"

const name = join("faketime", "libfaketimeMT.so.1")

/**
 * The library for processes of many threads: $CHAOS_FAKETIME, or where systems have it. Undefined
 * where there is none. Linux.
 */
export function findFaketime(roots: ReadonlyArray<string> = usualRoots()): string | undefined {
  if (process.platform !== "linux") return undefined
  const named = process.env["CHAOS_FAKETIME"]
  if (named !== undefined) return existsSync(named) ? named : undefined
  return roots.map((root) => join(root, name)).find((path) => existsSync(path))
}

function usualRoots(): ReadonlyArray<string> {
  const lib = "/usr/lib"
  const byMachine = existsSync(lib)
    ? readdirSync(lib)
        .filter((one) => one.includes("-linux-"))
        .map((one) => join(lib, one))
    : []
  return [...byMachine, "/usr/lib64", lib, "/usr/local/lib", "/usr/local/lib64"]
}

/** `file` says how wrong the clock is; it is read again every second. */
export const faketimeEnvironment = (file: string): Readonly<Record<string, string>> => ({
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_CACHE_DURATION: "1",
  // A step of the clock leaves monotonic time alone, and files have the times that they have.
  DONT_FAKE_MONOTONIC: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
  NO_FAKE_STAT: "1",
})

/** What stands in the file. A rate holds until another is given. */
export function faketimeText(offsetMs: number, rate: number): string {
  const seconds = Math.round(offsetMs / 1000)
  return `${seconds < 0 ? "" : "+"}${seconds} x${rate}\n`
}

/** What it leaves behind in shared memory when its process is killed. */
export function forgetFaketime(pid: number): void {
  for (const left of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) {
    rmSync(join("/dev/shm", left), { force: true })
  }
}
