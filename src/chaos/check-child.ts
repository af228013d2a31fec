/** `bun check-child.ts HISTORY.jsonl`: what the checks say of it, as one line of JSON. */
import { checkHistory } from "./checkers/index.ts"
import { readHistory } from "./history/read-history.ts"

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error("which history?")
const { counts, ...verdict } = checkHistory((await readHistory(file)).operations)
process.stdout.write(JSON.stringify({ ...verdict, counts: Object.fromEntries(counts) }))
