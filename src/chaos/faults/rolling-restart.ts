/** One broker after the other is asked to stop, as for an upgrade, and started again. */
import type { Fault, FaultContext, Injected } from "../fault.ts"
import { beside } from "./beside.ts"
import { needsOf } from "./needs.ts"
import { startAgain } from "./processes.ts"
import { isWell } from "./settled.ts"
import { runningNodes, someOf } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

const roundMs = 120_000
const stopMs = 20_000
const settleMs = 10_000

export const rollingRestart = (tools: FaultTools): Fault => ({
  kind: "rolling-restart",
  needs: needsOf["rolling-restart"],
  async inject(context): Promise<Injected> {
    const { chance, cluster } = context
    const ids = someOf(chance, runningNodes(context), cluster.nodes.length).map(({ id }) => id)
    const restarts: Array<Restart> = []
    const round = beside(context, async (signal) => {
      for (const id of ids) {
        if (signal.aborted) return
        restarts.push(await restart(context, id, tools))
        await untilWell(context, tools, signal)
      }
    })
    return {
      target: `brokers ${ids.join(", ")} in turn`,
      nodes: ids,
      async verify() {
        await round.ended(roundMs)
        const fresh = restarts.filter(({ isFresh }) => isFresh).length
        const exits = restarts.map(({ id, exit }) => `broker ${id} ended with ${exit}`)
        const evidence = [`${fresh} of ${ids.length} run anew`, ...exits].join(", ")
        return { effective: ids.length > 0 && fresh === ids.length, evidence }
      },
      async heal() {
        await round.stop().finally(async () => {
          for (const id of ids) await startAgain(cluster, id)
        })
      },
    }
  },
})

interface Restart {
  readonly id: number
  readonly exit: string
  /** Another process runs, and the old one is gone. */
  readonly isFresh: boolean
}

/** Who does not stop when asked is killed: the restart is then not fresh. */
async function restart(
  { clock, cluster }: FaultContext,
  id: number,
  tools: FaultTools,
): Promise<Restart> {
  const before = cluster.pidOf(id)
  const stopped = cluster.signal(id, "SIGTERM").then(
    () => true,
    () => false,
  )
  const inTime = await Promise.race([stopped, clock.sleep(stopMs).then(() => false)])
  if (!inTime) await cluster.signal(id, "SIGKILL")
  const exit = cluster.lastExit(id) ?? "nothing"
  const isGone = before !== undefined && (await tools.processState(before)) === "gone"
  await startAgain(cluster, id)
  const after = cluster.pidOf(id)
  return { id, exit, isFresh: inTime && isGone && after !== undefined && after !== before }
}

/** As an operator would: the next one only when this one has caught up; not for ever. */
async function untilWell(
  { clock, cluster, topics }: FaultContext,
  tools: FaultTools,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = clock.nowMs() + settleMs
  while (clock.nowMs() < deadlineMs) {
    if ((await isWell(cluster, topics, tools)) === undefined) return
    await clock.sleep(200, signal)
  }
}
