/** A set of links that is cut, and what shows that nothing passed. */
import type { ChaosCluster } from "../cluster.ts"
import { FaultImpossible } from "../fault.ts"
import type { Effect, FaultContext, Injected } from "../fault.ts"
import type { Link, LinkTrouble } from "../network.ts"
import { blocked, linksText, Watched } from "./links.ts"

export type CutMode = NonNullable<LinkTrouble["cut"]>

/** Silence is the worst to notice, so it is the most frequent. */
const modes: ReadonlyArray<CutMode> = ["drop", "drop", "drop", "refuse", "hold"]

export const aMode = ({ chance }: FaultContext): CutMode =>
  modes[chance.below(modes.length)] ?? "drop"

export interface CutPlan {
  readonly links: ReadonlyArray<Link>
  readonly nodes: ReadonlyArray<number>
  /** "broker 1 | brokers 0, 2" */
  readonly target: string
}

/** Throws `FaultImpossible` when there is no such link. */
export function cut(context: FaultContext, plan: CutPlan): Injected {
  const { cluster, troubled } = context
  const { links, nodes, target } = plan
  if (links.length === 0) throw new FaultImpossible("there are no such links")
  const mode = aMode(context)
  const watched = new Watched(cluster.network, links)
  watched.trouble({ cut: mode })
  return {
    target: `${target} (${mode})`,
    nodes,
    verify: () => Promise.resolve(effectOf(cluster, watched, troubled)),
    heal: () => Promise.resolve(watched.heal()),
  }
}

/**
 * Varve's brokers speak to each other all the time, so every cut link of a broker that runs must
 * have stopped something; of others (and of clients, who may be elsewhere) at least one.
 */
export function effectOf(
  cluster: ChaosCluster,
  watched: Watched,
  troubled: ReadonlySet<number>,
): Effect {
  const unmoved = watched.unmoved(blocked)
  const moved = watched.links.length - unmoved.length
  const mustMove = unmoved.filter(
    ({ from }) =>
      cluster.capabilities.has("peerFrames") &&
      from !== "clients" &&
      cluster.pidOf(from) !== undefined &&
      !troubled.has(from),
  )
  const counted =
    `${watched.rose("droppedFrames")} frames and ${watched.rose("droppedBytes")} bytes dropped, ` +
    `${watched.rose("refused")} connections refused, ${watched.rose("resets")} reset, ` +
    `${watched.rose("heldFrames")} frames and ${watched.rose("delayedBytes")} bytes held`
  const silent = mustMove.length === 0 ? "" : `; nothing was stopped on ${linksText(mustMove)}`
  return {
    effective: moved > 0 && mustMove.length === 0,
    evidence: `${moved} of ${watched.links.length} links stopped something: ${counted}${silent}`,
  }
}
