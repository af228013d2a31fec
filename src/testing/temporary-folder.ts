/**
 * A temporary folder that is gone when its test is, whatever happens to that. A runner that ends
 * tells nobody (`bun test` emits no "exit"), nor does one that is killed: so a small shell in a
 * session of its own holds the reading end of a pipe whose writing end is ours, and removes the
 * folder when that closes before it is told that there is nothing left to do.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** $1: the folder. Brokers of other processes may need a moment to end; POSIX. */
const script = `
trap '' INT HUP TERM
read -r word
[ "$word" = done ] && exit 0
for again in 1 2 3 4 5; do
  rm -rf -- "$1" 2>/dev/null
  [ -e "$1" ] || exit 0
  sleep 1
done
`

export interface TemporaryFolder {
  readonly path: string
  /** Idempotent. */
  remove(): Promise<void>
}

export function makeTemporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), "varve-test-"))
  const shell = Bun.spawn(["/bin/sh", "-c", script, "sh", path], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    detached: true,
  })
  // Waiting for the end of input is no reason for this process to live on.
  shell.unref()
  let removing: Promise<void> | undefined
  const remove = async (): Promise<void> => {
    rmSync(path, { recursive: true, force: true })
    void shell.stdin.write("done\n")
    await shell.stdin.end()
    await shell.exited
  }
  return { path, remove: () => (removing ??= remove()) }
}
