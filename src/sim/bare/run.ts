/** One seed of the core alone, with the same outcome as a seed of whole brokers. */
import type { SeedOutcome } from "../result.ts"
import { explore, worldOf } from "./explore.ts"
import type { World } from "./world.ts"

/** A unit of the core's time as hosts have it: one tick of a broker. */
const stepMs = 25

export function runBareSeed(seed: number): SeedOutcome {
  const world = worldOf(seed)
  const violation = alarmOf(world)
  return {
    seed,
    verdict: violation === undefined ? "clean" : "alarm",
    hash: world.digest(),
    events: world.eventCount,
    simulatedMs: world.steps * stepMs,
    rare: rareOf(world),
    ...(violation === undefined ? {} : { violation }),
  }
}

function alarmOf(world: World): SeedOutcome["violation"] {
  try {
    explore(world)
    return undefined
  } catch (error) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const [first = ""] = (error instanceof Error ? error.message : detail).split("\n")
    const kind = first.replaceAll(/\d+/g, "#").slice(0, 80)
    return { kind, detail: detail.slice(0, 4000), atMs: world.steps * stepMs }
  }
}

const rareOf = (world: World): Readonly<Record<string, number>> => ({
  committed: world.checker.committedCount,
  crash: world.crashCount,
  damage: world.damage.count,
  snapshotSent: world.snapshotCount,
  voterGone: world.stopped === null ? 0 : 1,
})
