/** `varve chaos check HISTORY.jsonl`: the checks alone, over a history that is there. */
import { existsSync } from "node:fs"
import { checkHistoryFile } from "../../chaos/check-history.ts"
import { parseFlags, UsageError } from "../flags.ts"
import { exitCodes } from "./exit-codes.ts"
import { checkFlags } from "./flags.ts"

const timeoutMs = 3_600_000

/** Exit code. */
export async function checkHistory([file, ...rest]: ReadonlyArray<string>): Promise<number> {
  if (file === undefined || file.startsWith("-")) {
    throw new UsageError("varve chaos check HISTORY.jsonl")
  }
  const flags = parseFlags("chaos check", checkFlags, rest)
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`)
  const outcome = await checkHistoryFile(file, timeoutMs)
  if (outcome._tag === "unknown") {
    process.stderr.write(`varve: ${outcome.why}\n`)
    return exitCodes.INCONCLUSIVE
  }
  const { text, ...check } = outcome.check
  process.stdout.write(flags.has("json") ? `${JSON.stringify(check)}\n` : text)
  return exitCodes[check.verdict]
}
