/** A broker whose links come and go, faster and slower than elections. */
import type { Fault, FaultContext, Injected } from "../fault.ts"
import { FaultImpossible } from "../fault.ts"
import { beside } from "./beside.ts"
import { aMode, effectOf } from "./cuts.ts"
import { linksAcross, Watched } from "./links.ts"
import { needsOf } from "./needs.ts"
import { oneBroker } from "./targets.ts"

export const flapping: Fault = {
  kind: "flapping",
  needs: needsOf.flapping,
  async inject(context, untilMs): Promise<Injected> {
    const { clock, cluster, troubled } = context
    const { id } = oneBroker(context)
    const others = cluster.nodes.map((node) => node.id).filter((one) => one !== id)
    const watched = new Watched(cluster.network, linksAcross(cluster.network, [id], others))
    if (watched.links.length === 0) throw new FaultImpossible("there are no links to flap")
    let cuts = 0
    const loop = beside(context, async (signal) => {
      while (!signal.aborted && clock.nowMs() < untilMs) {
        watched.trouble({ cut: aMode(context) })
        cuts++
        await clock.sleep(flapMs(context, untilMs - clock.nowMs()), signal)
        watched.heal()
        await clock.sleep(flapMs(context, untilMs - clock.nowMs()), signal)
      }
    })
    return {
      target: `links of broker ${id}`,
      nodes: [id],
      async verify() {
        await loop.ended(1_000)
        const { effective, evidence } = effectOf(cluster, watched, troubled)
        return { effective: effective && cuts > 1, evidence: `cut ${cuts} times; ${evidence}` }
      },
      heal: () => loop.stop().finally(() => watched.heal()),
    }
  },
}

/** 50 ms to 5 s, evenly on a logarithmic scale; at most a third of what is left. */
function flapMs({ chance }: FaultContext, leftMs: number): number {
  const drawn = Math.round(50 * 100 ** (chance.below(1_001) / 1_000))
  return Math.max(50, Math.min(drawn, Math.floor(leftMs / 3)))
}
