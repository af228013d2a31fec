/** `report.markup` and `result.json` of a run's folder. */
import { readdirSync, writeFileSync } from "node:fs"
import { join, relative, sep } from "node:path"
import type { Operation } from "../history/history.ts"
import type { RunResult } from "../result.ts"
import { loadAssets } from "./assets.ts"
import { pageOf } from "./page.ts"

const linkedFile = /\.(json|jsonl|log|txt)$/
const linkedMax = 100
const depthMax = 2

/**
 * Both files are written anew. `dir` is there and may hold history, plan and logs, which are
 * linked. Resolves to the path of the report.
 */
export async function writeReport(parts: {
  readonly dir: string
  readonly result: RunResult
  readonly operations: ReadonlyArray<Operation>
}): Promise<string> {
  const { dir, result, operations } = parts
  writeFileSync(join(dir, "result.json"), `${JSON.stringify(result, null, 2)}\n`)
  const assets = await loadAssets()
  const files = linkedFiles(dir, dir, depthMax).slice(0, linkedMax)
  const report = join(dir, "report.html")
  writeFileSync(report, pageOf({ result, operations, assets, files }))
  return report
}

/** Those of this folder first, then those of the folders in it; names with slashes. */
function linkedFiles(root: string, dir: string, depth: number): ReadonlyArray<string> {
  const entries = readdirSync(dir, { withFileTypes: true }).toSorted((a, b) =>
    a.name.localeCompare(b.name, "en", { numeric: true }),
  )
  const own = entries
    .filter((entry) => entry.isFile() && linkedFile.test(entry.name))
    .map((entry) => relative(root, join(dir, entry.name)).split(sep).join("/"))
  if (depth === 0) return own
  const below = entries.filter((entry) => entry.isDirectory())
  return [...own, ...below.flatMap((entry) => linkedFiles(root, join(dir, entry.name), depth - 1))]
}
