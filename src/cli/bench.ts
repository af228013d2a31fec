/**
 * `varve bench`: the load generator stands among the scripts, for it starts clusters and measures
 * them from outside; this hands over to it.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { root } from "./program.ts"

export async function run(argv: ReadonlyArray<string>): Promise<never> {
  const script = join(root, "scripts", "bench.ts")
  if (!existsSync(script)) {
    process.stderr.write("varve: bench runs in varve's repository: scripts/bench.ts is not here\n")
    process.exit(1)
  }
  const child = Bun.spawn([process.execPath, script, ...argv], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  })
  // A Ctrl-C reaches both; a SIGTERM only us.
  process.on("SIGINT", () => {})
  process.on("SIGTERM", () => child.kill("SIGTERM"))
  process.exit(await child.exited)
}
