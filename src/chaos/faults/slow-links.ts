/** Links that are long, or narrow. */
import type { Effect, Fault, FaultContext, Injected } from "../fault.ts"
import { FaultImpossible } from "../fault.ts"
import type { Link, Network } from "../network.ts"
import { clientLinksTo, isPeerLink, linksAcross, Watched } from "./links.ts"
import { needsOf } from "./needs.ts"
import { brokersText, oneBroker } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

/** Between all brokers, of one broker, or to clients; always with one link that can be measured. */
export const latency = (tools: FaultTools): Fault => ({
  kind: "latency",
  needs: needsOf.latency,
  async inject(context): Promise<Injected> {
    const { chance, cluster } = context
    const { id, address } = oneBroker({ ...context, troubled: new Set() })
    const { links, target } = longLinks(context, id)
    const latencyMs = Math.round(5 * 40 ** (chance.below(1_001) / 1_000))
    const jitterMs = chance.below(latencyMs + 1)
    const watched = new Watched(cluster.network, links)
    watched.trouble({ latencyMs, jitterMs })
    return {
      target: `${target}, ${latencyMs} ms and up to ${jitterMs} ms more each way`,
      nodes: [...new Set(links.map(({ to }) => to))],
      async verify() {
        const delayed = watched.rose("delayedBytes")
        const measuredMs = await tools.answerMs(address, 4 * (latencyMs + jitterMs) + 2_000)
        return latencyEffect(measuredMs, 2 * latencyMs, delayed)
      },
      heal: () => Promise.resolve(watched.heal()),
    }
  },
})

function latencyEffect(measuredMs: number | undefined, atLeastMs: number, delayed: number): Effect {
  const counted = `${delayed} bytes came later`
  if (measuredMs === undefined) {
    return { effective: delayed > 0, evidence: `no answer to measure; ${counted}` }
  }
  const evidence = `an answer took ${measuredMs.toFixed(1)} ms (at least ${atLeastMs}); ${counted}`
  return { effective: measuredMs >= atLeastMs && delayed > 0, evidence }
}

function longLinks({ chance, cluster }: FaultContext, id: number) {
  const { network } = cluster
  const measured = clientLinksTo(network, [id])
  const ids = cluster.nodes.map((node) => node.id)
  switch (chance.below(3)) {
    case 0:
      return {
        links: [...network.links.filter(isPeerLink), ...measured],
        target: `between all brokers, clients→${id}`,
      }
    case 1:
      return {
        links: [...linksAcross(network, [id], withoutOne(ids, id)), ...measured],
        target: `links of broker ${id}`,
      }
    default:
      return { links: clientLinksTo(network, ids), target: "clients to all brokers" }
  }
}

const withoutOne = (ids: ReadonlyArray<number>, id: number) => ids.filter((one) => one !== id)

const sampleMs = 400
const bytesPerSecondMin = 2_048

/** Less than what just went through, to and from one broker. */
export const bandwidth: Fault = {
  kind: "bandwidth",
  needs: needsOf.bandwidth,
  async inject(context): Promise<Injected> {
    const { chance, clock, cluster, signal } = context
    const { network } = cluster
    const { id } = oneBroker({ ...context, troubled: new Set() })
    const ids = cluster.nodes.map((node) => node.id)
    const links = linksAcross(network, [id], withoutOne(ids, id))
    if (links.length === 0) throw new FaultImpossible("there are no such links")
    const before = bytesOf(network, links)
    await clock.sleep(sampleMs, signal)
    const rate = ((bytesOf(network, links) - before) * 1_000) / sampleMs / links.length
    const percent = 10 + chance.below(60)
    const bytesPerSecond = Math.max(bytesPerSecondMin, Math.round((rate * percent) / 100))
    const watched = new Watched(network, links)
    watched.trouble({ bytesPerSecond })
    return {
      target: `links of ${brokersText([id])}, ${bytesPerSecond} B/s instead of ${Math.round(rate)}`,
      nodes: [id],
      verify() {
        const delayed = watched.rose("delayedBytes")
        return Promise.resolve({ effective: delayed > 0, evidence: `${delayed} bytes had to wait` })
      },
      heal: () => Promise.resolve(watched.heal()),
    }
  },
}

const bytesOf = (network: Network, links: ReadonlyArray<Link>): number =>
  links.reduce((sum, link) => sum + network.counters(link).bytes, 0)
