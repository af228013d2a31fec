/** Long runs of what power-loss.test.ts and flips.test.ts do briefly; started by scripts/. */
import { rmSync } from "node:fs"
import { parseArgs } from "node:util"
import { Prng } from "../../raft/prng.ts"
import { buildShim } from "../../src/chaos/disk/power/library.ts"
import { damageClasses } from "./damage.ts"
import { Expected, playCuts, record, type Survival } from "./shim/power.ts"
import { openDamaged, writeSpecimen, type Outcome, type Specimen } from "./specimen.ts"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cuts: { type: "string", default: "1000" },
    nodes: { type: "string", default: "3" },
    flips: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    class: { type: "string", default: "" },
    plant: { type: "string" },
    kills: { type: "boolean", default: false },
  },
})
const seed = Number(values.seed)

/** Cuts of all nodes at once, over several loads. Answers whether nothing was lost. */
async function powerCuts(): Promise<boolean> {
  const shim = buildShim()
  if ("missing" in shim) {
    console.log(`power cuts are not played: ${shim.missing}`)
    return false
  }
  const [cuts, nodes] = [Number(values.cuts), Number(values.nodes)]
  const plant =
    values.plant === "synchronous-normal" ? ({ plant: "synchronous-normal" } as const) : {}
  const cutsPerLoad = 50
  const table: Record<string, Tally> = {}
  for (let done = 0; done < cuts; done += cutsPerLoad) {
    const load = done / cutsPerLoad
    const steady = load % 2 === 1
    const recorded = await record({
      library: shim.library,
      nodes,
      commits: 40 + ((seed + load) % 5) * 20,
      steady,
      ...plant,
    })
    if (recorded.exitCode !== 0) throw new Error(recorded.stderr)
    const tally = (table[steady ? "votes rest" : "a vote in each commit"] ??= new Tally())
    const plan = {
      count: Math.min(cutsPerLoad, cuts - done),
      seed: seed * 1_000_000 + load,
      kills: values.kills,
    }
    await playCuts(recorded, nodes, new Expected(steady), plan, (seen) => tally.add(seen))
    rmSync(recorded.root, { recursive: true })
    console.log(`${Math.min(cuts, done + cutsPerLoad)} of ${cuts} cuts`)
  }
  console.table(table)
  return Object.values(table).every((tally) => tally.lost + tally.different === 0)
}

class Tally {
  /** Logs opened after a cut, and how many had reported something before it. */
  opened = 0
  reporting = 0
  /** Acknowledged commits that are gone. */
  lost = 0
  different = 0
  distrusted = 0
  /** Commits found that had not been reported yet. */
  beyond = 0

  add({ reported, found, identical, distrusted }: Survival): void {
    this.opened += 1
    if (reported > 0) this.reporting += 1
    this.lost += Math.max(0, reported - found)
    this.beyond += Math.max(0, found - reported)
    if (!identical) this.different += 1
    if (distrusted.length > 0) this.distrusted += 1
  }
}

/** Damages of each class to logs in use and closed. Answers whether none was wrong. */
async function flips(): Promise<boolean> {
  const specimens: Array<Specimen> = []
  for (let n = 0; n < 4; n++) {
    specimens.push(await writeSpecimen(seed * 10 + n, n % 2 === 0 ? "in use" : "closed"))
  }
  const table: Record<string, Record<Outcome, number>> = {}
  for (const [number, { name, inflict }] of damageClasses.entries()) {
    if (!name.includes(values.class)) continue
    const prng = new Prng(seed * 1000 + number)
    const row = (table[name] = { detected: 0, "without effect": 0, wrong: 0 })
    for (let done = 0, tried = 0; done < Number(values.flips); tried++) {
      if (tried > 20 * Number(values.flips)) break
      const specimen = specimens[tried % specimens.length]
      const files = specimen === undefined ? undefined : inflict(specimen, prng)
      if (specimen === undefined || files === undefined) continue
      done += 1
      const { outcome, why, lines } = await openDamaged(files, specimen)
      row[outcome] += 1
      if (outcome === "wrong") console.log(`${name}, the ${tried}th: ${why}\n${lines.join("\n")}`)
    }
    console.log(`${name}: ${JSON.stringify(row)}`)
  }
  console.table(table)
  return Object.values(table).every(({ wrong }) => wrong === 0)
}

const passed = positionals[0] === "power-cuts" ? await powerCuts() : await flips()
console.log(passed ? "nothing was lost, nothing was wrong" : "FAILED")
process.exitCode = passed ? 0 : 1
