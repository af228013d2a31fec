/**
 * The long run: `npm run chaos` is `varve chaos` with the nightly profile (five brokers, two hours,
 * every kind of fault). Any flag of `varve chaos` may follow; check and replay too.
 */
import { join } from "node:path"
import { root } from "./harness/target.ts"

const given = process.argv.slice(2)
const isChosen = given.some(
  (word) => word === "check" || word === "replay" || /^--(profile|help)(=|$)/.test(word),
)
const words = isChosen ? given : ["--profile", "nightly", ...given]
const main = join(root, "src", "cli", "main.ts")
const child = Bun.spawn([process.execPath, main, "chaos", ...words], {
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
})
// A Ctrl-C reaches both; it is the child that ends its processes and says so.
process.on("SIGINT", () => {})
process.on("SIGTERM", () => child.kill("SIGTERM"))
process.exit(await child.exited)
