/**
 * Runs chaos against brokers with planted bugs, one after the other, and prints what it found:
 * plant → anomaly → seconds. A plant is caught by the verdict INVALID and nothing else; the same
 * faults on the clean program must not give one (`--clean`). Exit 1 when one was missed.
 *
 *     bun scripts/chaos-plants.ts                       all of them
 *     bun scripts/chaos-plants.ts --only no-noop        one, or several with commas
 *     bun scripts/chaos-plants.ts --only no-noop --clean    the same run without the bug
 *     bun scripts/chaos-plants.ts --seed 7              another seed than the one each has
 *
 * The last line counts: a plant that was found has passed.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { hunts } from "../src/chaos/hunts.ts"
import type { Hunt } from "../src/chaos/hunts.ts"
import { plantOf } from "../src/chaos/plants/plants.ts"
import type { RunResult } from "../src/chaos/result.ts"
import { closingLine } from "./check/totals.ts"
import { scriptFlags } from "./harness/script-flags.ts"
import { root } from "./harness/target.ts"

const flags = scriptFlags({
  only: { type: "string", default: "" },
  seed: { type: "string", default: "" },
  out: { type: "string", default: "" },
  clean: { type: "boolean", default: false },
})

interface Found {
  readonly hunt: Hunt
  readonly verdict: RunResult["verdict"]
  /** What it stumbled over first. */
  readonly reason: string
  /** Of the whole run, from an empty folder to the report. */
  readonly seconds: number
}

function chosen(): ReadonlyArray<Hunt> {
  const names = flags.only === "" ? hunts.map(({ plant }) => plant) : flags.only.split(",")
  return names.map((name) => {
    const hunt = hunts.find(({ plant }) => plant === name)
    if (hunt === undefined) {
      console.error(`chaos-plants: there is no hunt for ${name}`)
      process.exit(2)
    }
    return hunt
  })
}

async function run(hunt: Hunt, dir: string): Promise<Found> {
  const { plant, faults, workloads, seconds } = hunt
  const words = ["chaos", "--json", "--out", dir, "--seconds", `${seconds}`]
  words.push("--rate", `${hunt.rate}`)
  words.push("--seed", flags.seed === "" ? `${hunt.seed}` : flags.seed)
  words.push("--faults", faults.map((kind) => `=${kind}`).join(","))
  words.push("--workload", workloads.join(","), "--drivers", "raw")
  if (!flags.clean) words.push("--plant", plant)
  const began = performance.now()
  const child = Bun.spawn([process.execPath, join(root, "src/cli/main.ts"), ...words], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [said, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  await child.exited
  const took = (performance.now() - began) / 1000
  if (!said.startsWith("{")) {
    const reason = errors.trim().split("\n").at(-1) ?? "it said nothing"
    return { hunt, verdict: "INCONCLUSIVE", reason, seconds: took }
  }
  const result: RunResult = JSON.parse(said)
  return { hunt, verdict: result.verdict, reason: result.reasons[0] ?? "", seconds: took }
}

const wanted: RunResult["verdict"] = flags.clean ? "VALID" : "INVALID"
const table: Array<Found> = []
for (const hunt of chosen()) {
  const dir =
    flags.out === "" ? mkdtempSync(join(tmpdir(), "varve-chaos-")) : join(flags.out, hunt.plant)
  const found = await run(hunt, dir)
  table.push(found)
  const isRight = found.verdict === wanted
  console.error(`${isRight ? "ok" : "WRONG"} ${hunt.plant}: ${found.verdict}, ${found.reason}`)
  if (isRight && flags.out === "") rmSync(dir, { recursive: true })
  else console.error(`  ${dir}`)
}

console.log("| plant | what is wrong | faults | clients | verdict | found first | s |")
console.log("|---|---|---|---|---|---|---|")
for (const { hunt, verdict, reason, seconds } of table) {
  const { plant, faults, workloads } = hunt
  const bug = plantOf(plant)?.bug ?? ""
  const cells = [plant, bug, faults.join(", "), workloads.join(", "), verdict, reason]
  console.log(
    `| ${[...cells, seconds.toFixed(0)].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
  )
}
const passed = table.filter(({ verdict }) => verdict === wanted).length
console.log(`\n${closingLine({ passed, failed: table.length - passed, skipped: 0 })}`)
process.exit(passed === table.length ? 0 : 1)
