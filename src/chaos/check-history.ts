/**
 * Checks a history in a process of its own: it may take long or break without the run waiting for
 * ever, and what it says comes from the file alone, which anybody can check again.
 */
import { join } from "node:path"
import type { FileCheck } from "./check-file.ts"
import type { HistoryVerdict } from "./checkers/index.ts"

/** What `checkFile` says, as it goes over a pipe. */
export type HistoryCheck = Omit<HistoryVerdict, "counts"> &
  Omit<FileCheck, "history"> & { readonly counts: Readonly<Record<string, number>> }

export type CheckOutcome =
  | { readonly _tag: "checked"; readonly check: HistoryCheck }
  | { readonly _tag: "unknown"; readonly why: string }

/** Ends the child when it has taken longer than `timeoutMs`, or when the signal aborts. */
export async function checkHistoryFile(
  file: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<CheckOutcome> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "check-child.ts"), file], {
    stdin: "ignore",
    // As if the machine had so many bytes: collected more often, a million operations stay below
    // it.
    env: { ...process.env, BUN_JSC_forceRAMSize: "1500000000" },
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    ...(signal === undefined ? {} : { signal }),
  })
  const [said, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code === 0) {
    const check: HistoryCheck = JSON.parse(said)
    return { _tag: "checked", check }
  }
  const last = /^error: .*$/m.exec(errors)?.[0] ?? errors.trim().split("\n", 1).join("")
  const isLate = child.signalCode === "SIGKILL" && signal?.aborted !== true
  const why = isLate
    ? `the checker took longer than ${timeoutMs / 1000} s`
    : `the checker ended with ${child.signalCode ?? `exit code ${code}`}: ${last}`
  return { _tag: "unknown", why }
}
