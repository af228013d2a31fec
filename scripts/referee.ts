/**
 * A second opinion on chaos runs: their histories are judged by varve's checkers, by the Python
 * checker of test/referee and by Porcupine, and the verdicts are put side by side.
 *
 *     bun scripts/referee.ts chaos-runs/*        folders of runs, or histories themselves
 *
 * Python or Go missing: that referee is skipped, in one line. Exit 0: they agree; 1: they do not;
 * 2: wrong usage, or no referee.
 */
import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { compared, type Judgement } from "./harness/referee/agreement.ts"
import { porcupineReferee, pythonReferee, varveChecker } from "./harness/referee/judges.ts"

interface Row {
  readonly run: string
  readonly varve: string
  readonly python: string
  readonly porcupine: string
  readonly agreement: string
}

const columns: ReadonlyArray<keyof Row> = ["run", "varve", "python", "porcupine", "agreement"]

function histories(): ReadonlyArray<string> {
  const paths = process.argv.slice(2)
  if (paths.length === 0 || paths.some((path) => path.startsWith("-"))) {
    console.error("usage: bun scripts/referee.ts RUN-DIR|HISTORY.jsonl ...")
    process.exit(2)
  }
  return paths.flatMap((path) => {
    const file =
      existsSync(path) && statSync(path).isDirectory() ? join(path, "history.jsonl") : path
    if (existsSync(file) && statSync(file).size > 0) return [file]
    console.error(`referee: ${file}: no history`)
    return []
  })
}

/** What the run itself said, where it left a result; varve's checkers may have changed since. */
function saidThen(history: string): ReadonlyArray<string> | undefined {
  const file = join(dirname(history), "result.json")
  if (!existsSync(file)) return undefined
  const result: { anomalyCounts?: Record<string, number> } = JSON.parse(readFileSync(file, "utf8"))
  return Object.keys(result.anomalyCounts ?? {}).toSorted()
}

const kindsOf = (judgement: Judgement | undefined): string => {
  if (judgement === undefined) return "–"
  const kinds = [...new Set(judgement.places.map(({ kind }) => kind))].toSorted()
  if (kinds.length > 0) return kinds.join(", ")
  return judgement.unknown > 0 ? `valid, ${judgement.unknown} unknown` : "valid"
}

function varveSays(judgement: Judgement, then: ReadonlyArray<string> | undefined): string {
  const now = kindsOf(judgement)
  const before = then === undefined || then.length === 0 ? "valid" : then.join(", ")
  return then === undefined || before === now ? now : `${now} (in result.json: ${before})`
}

const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

function table(rows: ReadonlyArray<Row>): string {
  const body = rows.map((row) => line(columns.map((column) => row[column])))
  return [line(columns), line(columns.map(() => "---")), ...body].join("\n")
}

const python = pythonReferee()
const porcupine = porcupineReferee()
for (const referee of [python, porcupine]) {
  if (typeof referee === "string") console.error(`referee: ${referee}`)
}
if (typeof python === "string" && typeof porcupine === "string") process.exit(2)

const rows: Array<Row> = []
let disagreements = 0
for (const history of histories()) {
  const varve = varveChecker(history)
  const second = typeof python === "string" ? undefined : python(history)
  const third = typeof porcupine === "string" ? undefined : porcupine(history)
  const agreement = compared(varve, second, third)
  if (!agreement.agrees) disagreements++
  rows.push({
    run: history.split("/").at(-2) ?? history,
    varve: varveSays(varve, saidThen(history)),
    python: kindsOf(second),
    porcupine: kindsOf(third),
    agreement: agreement.text,
  })
}
console.log(table(rows))
console.log(`${rows.length} histories, ${disagreements} disagreements`)
process.exit(disagreements > 0 ? 1 : 0)
