/** Damaged files are evidence: kept beside the log under another name, the newest few of each. */
import { copyFileSync, readdirSync, renameSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"

/** Of each file. */
const keptMax = 3

export type Aside = "copy" | "move"

/**
 * Answers the new name. A copy that fails (disk full) is not worth a log that does not open: then
 * the answer is undefined. A move that fails throws.
 */
export function setAside(path: string, how: Aside): string | undefined {
  const dir = dirname(path)
  const prefix = `${basename(path)}.damaged-`
  const numbers = readdirSync(dir)
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter((number) => Number.isSafeInteger(number))
    .sort((a, b) => a - b)
  const name = `${prefix}${(numbers.at(-1) ?? 0) + 1}`
  if (how === "move") renameSync(path, join(dir, name))
  else {
    try {
      copyFileSync(path, join(dir, name))
    } catch {
      rmSync(join(dir, name), { force: true })
      return undefined
    }
  }
  for (const old of numbers.slice(0, Math.max(0, numbers.length + 1 - keptMax))) {
    rmSync(join(dir, `${prefix}${old}`), { force: true })
  }
  return name
}
