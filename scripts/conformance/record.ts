/** Puts our own questions to Kafka and keeps what it answered beside the golden files. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Asker } from "./asker.ts"
import { apiOf, ownFolder } from "./exchange.ts"
import { allQuestions } from "./questions/index.ts"
import type { Respondent } from "./respondent.ts"
import type { Ranges } from "./respondent.ts"

export async function recordOwn(respondent: Respondent, ranges: Ranges): Promise<number> {
  const asker = new Asker(respondent, ranges)
  for (const ask of allQuestions) await ask(asker)
  rmSync(ownFolder, { recursive: true, force: true })
  mkdirSync(ownFolder, { recursive: true })
  for (const [name, exchanges] of Map.groupBy(asker.exchanges, (one) => apiOf(one).name)) {
    const lines = exchanges.map((one) => `${JSON.stringify(one)}\n`)
    writeFileSync(join(ownFolder, `${name}.jsonl`), lines.join(""))
  }
  return asker.exchanges.length
}
