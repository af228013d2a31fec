/** Single messages: late, twice, out of order between brokers; lost on their way to clients. */
import type { Fault, FaultContext, Injected } from "../fault.ts"
import { FaultImpossible } from "../fault.ts"
import type { FrameTrouble } from "../network.ts"
import { clientLinksTo, isPeerLink, Watched } from "./links.ts"
import type { CounterName } from "./links.ts"
import { needsOf } from "./needs.ts"

export const peerFrames: Fault = {
  kind: "peer-frames",
  needs: needsOf["peer-frames"],
  async inject(context): Promise<Injected> {
    const { network, nodes } = context.cluster
    const watched = new Watched(network, network.links.filter(isPeerLink))
    if (watched.links.length === 0) throw new FaultImpossible("there are no links between brokers")
    const { frames, counters, target } = troubleOf(context)
    watched.trouble({ frames })
    return {
      target,
      nodes: nodes.map(({ id }) => id),
      verify() {
        const rose = counters.map(([name, text]) => ({ count: watched.rose(name), text }))
        const evidence = rose.map(({ count, text }) => `${count} frames ${text}`).join(", ")
        return Promise.resolve({ effective: rose.every(({ count }) => count > 0), evidence })
      },
      heal: () => Promise.resolve(watched.heal()),
    }
  },
}

const kindsOfTrouble = ["delay", "duplicate", "reorder"] as const

/** One kind of trouble or more of them, up to three frames in ten. */
function troubleOf({ chance }: FaultContext) {
  const chosen = kindsOfTrouble.filter(() => chance.below(2) === 0)
  const one = kindsOfTrouble[chance.below(kindsOfTrouble.length)] ?? "delay"
  const kinds = chosen.length === 0 ? [one] : chosen
  let frames: FrameTrouble = {}
  const counters: Array<readonly [CounterName, string]> = []
  for (const kind of kinds) {
    const perMille = 30 + chance.below(270)
    if (kind === "delay") {
      frames = { ...frames, delayPerMille: perMille, holdMs: 10 + chance.below(490) }
      counters.push(["heldFrames", "held back"])
    } else if (kind === "duplicate") {
      frames = { ...frames, duplicatePerMille: perMille }
      counters.push(["duplicatedFrames", "sent twice"])
    } else {
      frames = { ...frames, reorderPerMille: perMille }
      counters.push(["reorderedFrames", "overtaken"])
    }
  }
  return { frames, counters, target: `between all brokers: ${kinds.join(", ")}` }
}

export const lostResponses: Fault = {
  kind: "lost-responses",
  needs: needsOf["lost-responses"],
  async inject({ chance, cluster }): Promise<Injected> {
    const ids = cluster.nodes.map(({ id }) => id)
    const watched = new Watched(cluster.network, clientLinksTo(cluster.network, ids))
    if (watched.links.length === 0) throw new FaultImpossible("there are no links from clients")
    const dropResponsePerMille = 20 + chance.below(100)
    watched.trouble({ dropResponsePerMille })
    return {
      target: `clients to all brokers, ${dropResponsePerMille} of 1000 responses`,
      nodes: ids,
      verify() {
        const lost = watched.rose("droppedResponses")
        return Promise.resolve({ effective: lost > 0, evidence: `${lost} responses were lost` })
      },
      heal: () => Promise.resolve(watched.heal()),
    }
  },
}
