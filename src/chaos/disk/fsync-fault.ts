/**
 * An fsync fails, at one broker or at all of them at once. Each must stop by itself, and come back
 * with all that it has acknowledged when it is started. One that goes on instead is killed by the
 * heal, so that what it only believes to have is missed.
 */
import { existsSync, writeFileSync } from "node:fs"
import type { Effect, Fault, FaultContext, Injected } from "../fault.ts"
import { startAgain, startAllAgain, strike } from "../faults/processes.ts"
import { brokersText } from "../faults/targets.ts"
import { anyBroker, disksOf, targetOf, waitFor, type Target } from "./target.ts"

/** What it may take a broker to stop of itself. */
const stopMs = 5_000
/** One of the next so many commits fails; of all brokers soon, for two that stop stop the third. */
const commitsMax = { one: 20, all: 3 }

export const fsyncFault: Fault = {
  kind: "fsync-error",
  needs: ["signals", "storage"],
  async inject(context): Promise<Injected> {
    const { chance, clock, cluster } = context
    const targets = chance.below(3) === 0 ? allBrokers(context) : [anyBroker(context)]
    const ids = targets.map(({ node }) => node.id)
    const heal = () => bringBack(context, targets)
    try {
      const what = tell(context, targets)
      const stopped = () => targets.filter((target) => hasStopped(context, target))
      await waitFor(context, clock.nowMs() + stopMs, () => stopped().length === targets.length)
      const all = ids.length === cluster.nodes.length
      return {
        target: all ? "all brokers" : brokersText(ids),
        nodes: ids,
        verify: async () => seen(context, targets, what),
        heal,
      }
    } catch (error) {
      await heal()
      throw error
    }
  },
}

function allBrokers(context: FaultContext): ReadonlyArray<Target> {
  const { cluster } = context
  const running = cluster.nodes.filter(({ id }) => cluster.pidOf(id) !== undefined)
  return running.map((node) => targetOf(context, disksOf(context), node))
}

/** Where fsync itself can be made to fail, SQLite is asked by chance what it makes of it. */
function tell(context: FaultContext, targets: ReadonlyArray<Target>): string {
  const { chance } = context
  const isReal = disksOf(context).capabilities.has("power") && chance.below(2) === 0
  const written = chance.below(2) === 0
  for (const { control } of targets) {
    control.deeds()
    if (isReal) writeFileSync(control.failFsync, "")
    else {
      const afterCommits = chance.below(targets.length === 1 ? commitsMax.one : commitsMax.all)
      control.troubleStorage({ _tag: "fsyncError", afterCommits, written })
    }
  }
  if (isReal) return "fsync gave EIO"
  return `a commit failed as if fsync had, ${written ? "and was written" : "and was not written"}`
}

const hasStopped = ({ cluster }: FaultContext, { node, pid }: Target): boolean =>
  cluster.pidOf(node.id) !== pid

function seen(context: FaultContext, targets: ReadonlyArray<Target>, what: string): Effect {
  const each = targets.map((target) => {
    const { node, pid, control } = target
    const failed = !existsSync(control.failFsync) && (what.includes("EIO") || control.failed())
    const exit = hasStopped(context, target) ? context.cluster.lastExit(node.id) : "it goes on"
    const did = failed ? what : "no commit came to fail"
    return { failed, text: `${did}; broker ${node.id} (pid ${pid}): ${exit ?? "gone"}` }
  })
  return {
    effective: each.some(({ failed }) => failed),
    evidence: each.map(({ text }) => text).join(", "),
  }
}

async function bringBack(context: FaultContext, targets: ReadonlyArray<Target>): Promise<void> {
  const { cluster } = context
  for (const { control } of targets) control.calm()
  const ids = targets.map(({ node }) => node.id)
  const goingOn = targets.filter((target) => !hasStopped(context, target))
  await strike(
    cluster,
    goingOn.map(({ node }) => node.id),
    "SIGKILL",
  )
  if (ids.length === 1 && ids[0] !== undefined) await startAgain(cluster, ids[0])
  else await startAllAgain(context, ids)
}
