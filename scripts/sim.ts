/**
 * Seeds without end, each run of the program from another place: `npm run sim`. Stops at the first
 * alarm; Ctrl-C ends it. Any flag of `varve sim` may follow; what was run is counted in
 * `sim-counts.jsonl` unless --counts names another file.
 */
import { join } from "node:path"
import { root } from "./harness/target.ts"

const given = process.argv.slice(2)
const has = (...names: ReadonlyArray<string>) =>
  given.some((word) => names.some((name) => word === name || word.startsWith(`${name}=`)))

const stops = has("--seeds", "--seed", "--minutes", "--plan", "--help")
const from = Math.floor(Math.random() * 2 ** 30)
const endless = stops ? [] : ["--seed", `${from}`, "--seeds", "1000000000"]
const counts = has("--counts", "--plan", "--help") ? [] : ["--counts", "sim-counts.jsonl"]

const main = join(root, "src", "cli", "main.ts")
const child = Bun.spawn([process.execPath, main, "sim", ...endless, ...counts, ...given], {
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
})
// A Ctrl-C reaches both; it is the child that says what was run.
process.on("SIGINT", () => {})
process.on("SIGTERM", () => child.kill("SIGTERM"))
process.exit(await child.exited)
