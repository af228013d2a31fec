/**
 * Runs every planted bug against the part of the proof that must find it, and prints the table:
 * plant → layer → what it took. Exit 1 when one was missed.
 *
 *     bun scripts/plants.ts                    all of them
 *     bun scripts/plants.ts --layer core       core, simulator or test
 *     bun scripts/plants.ts --only figure-8    one of them, or several with commas
 *     bun scripts/plants.ts --fast             what the gate runs: those that are found soon
 *
 * The last line counts: a plant that was found has passed.
 */
import { existsSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import type { Plant } from "../src/chaos/plants/plant.ts"
import { plants } from "../src/chaos/plants/plants.ts"
import { closingLine, totalsOf } from "./check/totals.ts"
import { scriptFlags } from "./harness/script-flags.ts"

const flags = scriptFlags({
  layer: { type: "string", default: "" },
  only: { type: "string", default: "" },
  jobs: { type: "string", default: String(availableParallelism()) },
  fast: { type: "boolean", default: false },
})

const root = join(import.meta.dir, "..")
const preload = join(root, "src/chaos/plants/preload.ts")
const notPlantedExit = 4

interface Found {
  readonly plant: Plant
  /** Skipped: the tests that must find it cannot run here, and say why. */
  readonly verdict: "caught" | "missed" | "skipped"
  /** Seeds it took, or the tests that failed. */
  readonly by: string
  readonly alarm: string
  readonly seconds: number
}

function chosen(): ReadonlyArray<Plant> {
  const names = flags.only === "" ? [] : flags.only.split(",")
  const unknown = names.filter((name) => !plants.some(({ id }) => id === name))
  if (unknown.length > 0) {
    console.error(`plants: there is no plant ${unknown.join(", ")}`)
    process.exit(2)
  }
  return plants.filter(
    ({ id, caughtBy }) =>
      (names.length === 0 || names.includes(id)) &&
      (flags.layer === "" || caughtBy._tag === flags.layer) &&
      (!flags.fast || caughtBy._tag !== "simulator" || caughtBy.soon === true),
  )
}

interface Ran {
  readonly code: number
  readonly output: string
}

async function bun(plant: string, args: ReadonlyArray<string>, more = {}): Promise<Ran> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    env: { ...process.env, CHAOS_PLANT: plant, ...more },
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, output: out + errors }
}

async function byTests(plant: Plant, file: string): Promise<Omit<Found, "seconds">> {
  const args = ["test", "--preload", preload, "--timeout=60000", file]
  // `bun test` ends without the event in which the preload would look for its own mark.
  const mark = join(tmpdir(), `varve-plants-${process.pid}-${plant.id}`)
  const { code, output } = await bun(plant.id, args, { CHAOS_PLANT_MARK: mark })
  const isLoaded = existsSync(mark)
  rmSync(mark, { force: true })
  const failed = [...output.matchAll(/^\(fail\) (.*?)(?: \[.*)?$/gm)].map((match) => match[1] ?? "")
  const caught = isLoaded && code !== 0 && code !== notPlantedExit && failed.length > 0
  const skips = code === 0 && (totalsOf(output)?.skipped ?? 0) > 0
  const verdict = caught ? "caught" : skips ? "skipped" : "missed"
  const last = isLoaded ? output.trim().split("\n").at(-1) : `${plant.file} was never loaded`
  const alarm = (caught ? failed[0] : last) ?? ""
  return { plant, verdict, by: `${failed.length} tests of ${file}`, alarm }
}

interface SeedLine {
  readonly seed: number
  readonly verdict: string
  readonly violation?: { readonly kind: string }
}

/**
 * A seed counts whose alarm is the plant's: one that the program raises without it too is passed
 * over.
 */
async function bySeeds(plant: Plant, kind: "core" | "simulator", budget: number) {
  const passedOver: Array<number> = []
  for (let first = 1; first <= budget;) {
    const { code, lines, output } = await sim(plant.id, kind, first, budget - first + 1)
    const alarm = lines.find(({ verdict }) => verdict !== "clean")
    if (code !== 1 || alarm === undefined) {
      const by = `${budget} seeds in vain`
      return { plant, verdict: "missed" as const, by, alarm: output.trim().slice(-200) }
    }
    const { code: without } = await sim("", kind, alarm.seed, 1)
    if (without === 0) {
      const by = `${alarm.seed} of ${budget} seeds`
      return {
        plant,
        verdict: "caught" as const,
        by,
        alarm: alarm.violation?.kind ?? alarm.verdict,
      }
    }
    passedOver.push(alarm.seed)
    first = alarm.seed + 1
  }
  const by = `${budget} seeds in vain`
  return { plant, verdict: "missed" as const, by, alarm: `alarms without it: ${passedOver.join()}` }
}

interface Seeds extends Ran {
  readonly lines: ReadonlyArray<SeedLine>
}

async function sim(id: string, kind: string, first: number, seeds: number): Promise<Seeds> {
  const args = ["--seed", `${first}`, "--seeds", `${seeds}`, "--jobs", "1", "--json", "--no-shrink"]
  args.push("--out", join(tmpdir(), "varve-plants"))
  if (kind === "core") args.push("--core")
  if (id !== "") args.push("--plant", id)
  const ran = await bun(id, ["src/cli/main.ts", "sim", ...args])
  return { ...ran, lines: ran.output.split("\n").flatMap(seedLine) }
}

function seedLine(line: string): ReadonlyArray<SeedLine> {
  if (!line.startsWith("{")) return []
  const parsed: unknown = JSON.parse(line)
  return isSeedLine(parsed) ? [parsed] : []
}

const isSeedLine = (value: unknown): value is SeedLine =>
  typeof value === "object" && value !== null && "seed" in value && "verdict" in value

async function hunt(plant: Plant): Promise<Found> {
  const started = performance.now()
  const { caughtBy } = plant
  const found =
    caughtBy._tag === "test"
      ? await byTests(plant, caughtBy.file)
      : await bySeeds(plant, caughtBy._tag, caughtBy.seeds)
  return { ...found, seconds: (performance.now() - started) / 1000 }
}

const waiting = [...chosen()]
const table: Array<Found> = []

async function work(): Promise<void> {
  for (let plant = waiting.shift(); plant !== undefined; plant = waiting.shift()) {
    const found = await hunt(plant)
    table.push(found)
    const said = found.verdict === "missed" ? "MISSED" : found.verdict
    console.error(`${said} ${plant.id}: ${found.by}, ${found.seconds.toFixed(1)} s: ${found.alarm}`)
  }
}

await Promise.all(Array.from({ length: Number(flags.jobs) }, () => work()))
table.sort((a, b) => plants.indexOf(a.plant) - plants.indexOf(b.plant))
console.log("| plant | what is wrong | layer | caught by | first alarm | s |")
console.log("|---|---|---|---|---|---|")
for (const { plant, verdict, by, alarm, seconds } of table) {
  const layer = plant.caughtBy._tag
  const result = verdict === "caught" ? by : `**${verdict}**, ${by}`
  const cells = [
    plant.id,
    plant.bug,
    layer,
    result,
    alarm.replaceAll("|", "\\|"),
    seconds.toFixed(1),
  ]
  console.log(`| ${cells.join(" | ")} |`)
}
const count = (wanted: Found["verdict"]) => table.filter(({ verdict }) => verdict === wanted).length
const totals = { passed: count("caught"), failed: count("missed"), skipped: count("skipped") }
console.log(`\n${closingLine(totals)}`)
process.exit(totals.failed === 0 ? 0 : 1)
