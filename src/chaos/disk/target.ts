/** Whom a fault of disks and clocks strikes, and how it gets at it. */
import { existsSync } from "node:fs"
import type { ChaosNode } from "../cluster.ts"
import { FaultImpossible, type FaultContext } from "../fault.ts"
import type { ControlFolder } from "./control-folder.ts"
import type { Disks } from "./disks.ts"

/** Throws `FaultImpossible` for a cluster whose brokers were not started that way. */
export function disksOf({ cluster }: FaultContext): Disks {
  const { disks } = cluster
  if (disks === undefined) throw new FaultImpossible("the brokers' disks are out of reach")
  return disks
}

export interface Target {
  readonly node: ChaosNode
  readonly pid: number
  readonly control: ControlFolder
}

/** Any broker that runs. */
export function anyBroker(context: FaultContext): Target {
  const disks = disksOf(context)
  const { chance, cluster } = context
  const running = cluster.nodes.filter(({ id }) => cluster.pidOf(id) !== undefined)
  const node = running[chance.below(Math.max(1, running.length))]
  if (node === undefined) throw new FaultImpossible("no broker runs")
  return targetOf(context, disks, node)
}

/** The one whose files may be damaged. */
export function theVictim(context: FaultContext): Target {
  const disks = disksOf(context)
  const { chance, cluster } = context
  if (cluster.nodes.length < 3) {
    throw new FaultImpossible("of fewer than three brokers none is a minority")
  }
  const running = cluster.nodes.filter(({ id }) => cluster.pidOf(id) !== undefined)
  if (running.length < cluster.nodes.length) throw new FaultImpossible("a broker is down")
  const id = disks.victim.choose(
    running.map((node) => node.id),
    chance,
  )
  const node = running.find((one) => one.id === id)
  if (node === undefined) throw new FaultImpossible("the broker that may be damaged is down")
  return targetOf(context, disks, node)
}

/** It runs. */
export function targetOf({ cluster }: FaultContext, disks: Disks, node: ChaosNode): Target {
  const pid = cluster.pidOf(node.id)
  if (pid === undefined || !existsSync(node.dir)) {
    throw new FaultImpossible(`broker ${node.id} is down`)
  }
  return { node, pid, control: disks.control(node.id) }
}

const lookEveryMs = 50

/** Until it has come, at most until then (run clock). Rejects when the run is interrupted. */
export async function waitFor(
  { clock, signal }: FaultContext,
  untilMs: number,
  hasCome: () => boolean,
): Promise<boolean> {
  while (!hasCome()) {
    if (clock.nowMs() >= untilMs) return false
    await clock.sleep(lookEveryMs, signal)
  }
  return true
}
