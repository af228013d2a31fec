/** SIGSTOP: a broker that is neither dead nor alive, and does not know that time went on. */
import type { Effect, Fault, FaultContext, Injected } from "../fault.ts"
import { beside } from "./beside.ts"
import { needsOf } from "./needs.ts"
import { isAnswering, strike } from "./processes.ts"
import { aLeader, oneBroker } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

export const pauseFaults = (tools: FaultTools): ReadonlyArray<Fault> => [
  pauseOne(tools),
  pauseLeaders(tools),
]

const pauseOne = (tools: FaultTools): Fault => ({
  kind: "pause",
  needs: needsOf.pause,
  async inject(context): Promise<Injected> {
    const { id } = oneBroker(context)
    const paused = await pause(context, id, tools)
    return { target: `broker ${id}`, nodes: [id], verify: paused.verify, heal: paused.resume }
  },
})

interface Paused {
  readonly verify: () => Promise<Effect>
  readonly resume: () => Promise<void>
}

async function pause({ cluster }: FaultContext, id: number, tools: FaultTools): Promise<Paused> {
  const resume = async () => {
    if (cluster.pidOf(id) !== undefined) await cluster.signal(id, "SIGCONT")
  }
  const [struck] = await strike(cluster, [id], "SIGSTOP").catch(async (error: unknown) => {
    await resume()
    throw error
  })
  return {
    resume,
    async verify() {
      if (struck === undefined) return { effective: false, evidence: `broker ${id} did not run` }
      const name = `broker ${id} (pid ${struck.pid})`
      const state = await tools.processState(struck.pid)
      if (state !== "stopped") return { effective: false, evidence: `${name} is ${state}` }
      if (await isAnswering(cluster, id, tools)) {
        return { effective: false, evidence: `${name} is stopped, and yet it answers` }
      }
      return { effective: true, evidence: `${name} is stopped and does not answer` }
    },
  }
}

/** Whoever leads stands still for a while; then whoever leads instead of it. */
const pauseLeaders = (tools: FaultTools): Fault => ({
  kind: "pause-leader",
  needs: needsOf["pause-leader"],
  async inject(context, untilMs): Promise<Injected> {
    const { clock } = context
    const first = await aLeader(context, tools)
    const nodes = new Set([first.node.id])
    const effects: Array<Effect> = []
    const loop = beside(context, async (signal) => {
      let { node } = first
      while (!signal.aborted) {
        nodes.add(node.id)
        const lastsMs = Math.min(pauseMs(context), Math.max(100, untilMs - clock.nowMs()))
        effects.push(await pauseFor(context, node.id, lastsMs, tools, signal))
        if (clock.nowMs() >= untilMs) return
        // Elections may take longer than is left: what was paused has bitten all the same.
        const next = await aLeader({ ...context, signal }, tools).catch(() => undefined)
        if (next === undefined) return
        node = next.node
      }
    })
    return {
      target: first.target,
      get nodes() {
        return [...nodes]
      },
      async verify() {
        await loop.ended(15_000)
        const bit = effects.filter(({ effective }) => effective).length
        const ids = [...nodes].join(", ")
        const evidence = `${bit} of ${effects.length} pauses of leaders (brokers ${ids}) bit`
        return { effective: bit > 0, evidence }
      },
      heal: () => loop.stop(),
    }
  },
})

/** 0.1 s to 3 s, on a logarithmic scale: around the election timeout. */
const pauseMs = ({ chance }: FaultContext): number =>
  Math.round(100 * 30 ** (chance.below(1_001) / 1_000))

async function pauseFor(
  context: FaultContext,
  id: number,
  lastsMs: number,
  tools: FaultTools,
  signal: AbortSignal,
): Promise<Effect> {
  const paused = await pause(context, id, tools)
  try {
    await context.clock.sleep(lastsMs, signal)
    return await paused.verify()
  } finally {
    await paused.resume()
  }
}
