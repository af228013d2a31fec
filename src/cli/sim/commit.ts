/** Which source ran: a failing seed means nothing without it. */
import { root } from "../program.ts"

export interface Commit {
  /** "unknown" outside a repository. */
  readonly id: string
  /** The files differ from the commit. */
  readonly isDirty: boolean
}

export function commitOf(): Commit {
  const id = git("rev-parse", "--short=12", "HEAD")
  if (id === undefined) return { id: "unknown", isDirty: false }
  return { id, isDirty: git("status", "--porcelain", "--", "raft", "storage", "src") !== "" }
}

export const commitName = ({ id, isDirty }: Commit) => (isDirty ? `${id} with changes` : id)

function git(...args: ReadonlyArray<string>): string | undefined {
  try {
    const { exitCode, stdout } = Bun.spawnSync(["git", "-C", root, ...args], { stderr: "ignore" })
    return exitCode === 0 ? stdout.toString().trim() : undefined
  } catch {
    return undefined
  }
}
