/** `varve chaos check HISTORY.jsonl`: the checks alone, over a history that is there. */
import { existsSync } from "node:fs"
import { checkHistoryFile } from "../../chaos/check-history.ts"
import type { HistoryCheck } from "../../chaos/check-history.ts"
import { parseFlags, UsageError } from "../flags.ts"
import { checkFlags } from "./flags.ts"

const timeoutMs = 3_600_000
const unknownExit = 3

/** 0: nothing found, 1: anomalies, 3: it could not be checked. */
export async function checkFile([file, ...rest]: ReadonlyArray<string>): Promise<number> {
  if (file === undefined || file.startsWith("-")) {
    throw new UsageError("varve chaos check HISTORY.jsonl")
  }
  const flags = parseFlags("chaos check", checkFlags, rest)
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`)
  const outcome = await checkHistoryFile(file, timeoutMs)
  if (outcome._tag === "unknown") {
    process.stderr.write(`varve: ${outcome.why}\n`)
    return unknownExit
  }
  const { check } = outcome
  process.stdout.write(flags.has("json") ? `${JSON.stringify(check)}\n` : textOf(check))
  return check.anomalies.length === 0 ? 0 : 1
}

function textOf({ anomalies, counts, operations, acknowledged, read, drained }: HistoryCheck) {
  const found = anomalies.map(({ kind, partition, detail, operations: ids }) => {
    const where = partition === "" ? "" : ` in ${partition}`
    return `${kind}${where}: ${detail} (operations ${ids.join(", ")})`
  })
  const sums = Object.entries(counts).map(([kind, count]) => `${kind}: ${count}`)
  const basis = `${operations} operations: ${acknowledged} batches acknowledged, ${read} records read, ${drained} partitions drained`
  const closing = found.length === 0 ? "no anomalies" : sums.join(", ")
  return `${[...found, basis, closing].join("\n")}\n`
}
