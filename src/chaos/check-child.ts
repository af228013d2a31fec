/** `bun check-child.ts HISTORY.jsonl`: what the checks say of it, as one line of JSON. */
import { checkFile } from "./check-file.ts"
import { BrokenHistory } from "./history/lines.ts"

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error("which history?")
try {
  const { history, verdict, text } = await checkFile(file)
  const { counts } = history
  process.stdout.write(
    JSON.stringify({ ...history, counts: Object.fromEntries(counts), verdict, text }),
  )
} catch (error) {
  if (!(error instanceof BrokenHistory)) throw error
  process.stderr.write(`error: ${error.message}\n`)
  process.exitCode = 1
}
