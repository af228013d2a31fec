/** Brokers that are killed while they start, or as soon as they have. */
import type { Fault, FaultContext, Injected } from "../fault.ts"
import { beside } from "./beside.ts"
import { needsOf } from "./needs.ts"
import { startAgain } from "./processes.ts"
import { oneBroker } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

/** Kills, starts, and kills again before the broker takes connections. */
export const killStarting: Fault = {
  kind: "kill-starting",
  needs: needsOf["kill-starting"],
  async inject(context, untilMs): Promise<Injected> {
    const { clock, cluster } = context
    const { id } = oneBroker(context)
    let cutShort = 0
    let tooLate = 0
    const loop = beside(context, async (signal) => {
      await cluster.signal(id, "SIGKILL")
      let reachMs = 500
      while (!signal.aborted && clock.nowMs() < untilMs) {
        const inTime = await killOneStart(context, id, reachMs)
        if (inTime) cutShort++
        else tooLate++
        reachMs = inTime ? Math.min(800, reachMs * 1.2) : reachMs / 2
      }
    })
    return {
      target: `broker ${id}`,
      nodes: [id],
      async verify() {
        await loop.ended(10_000)
        const evidence = `${cutShort} starts cut short, ${tooLate} killed just after`
        return { effective: cutShort > 0, evidence }
      },
      heal: () => loop.stop().finally(() => startAgain(cluster, id)),
    }
  },
}

const firstSightMs = 2_000

/** Whether the process was killed before its start was over. */
async function killOneStart(
  { clock, cluster, chance }: FaultContext,
  id: number,
  reachMs: number,
): Promise<boolean> {
  let over = false
  const started = cluster.start(id).then(
    () => (over = true),
    () => (over = true),
  )
  const deadlineMs = clock.nowMs() + firstSightMs
  while (cluster.pidOf(id) === undefined && clock.nowMs() < deadlineMs) await clock.sleep(2)
  await clock.sleep(chance.below(Math.max(1, Math.floor(reachMs))))
  const inTime = !over && cluster.pidOf(id) !== undefined
  if (cluster.pidOf(id) !== undefined) await cluster.signal(id, "SIGKILL")
  await started
  return inTime
}

const crashesMin = 2
/** Where starts are slow, the loop lasts longer than planned by this, for `crashesMin`. */
const moreMs = 30_000

/** Kills whenever the broker has come up, after a moment at most. */
export const crashLoop = (tools: FaultTools): Fault => ({
  kind: "crash-loop",
  needs: needsOf["crash-loop"],
  async inject(context, untilMs): Promise<Injected> {
    const { chance, clock, cluster } = context
    const { id } = oneBroker(context)
    let crashes = 0
    const loop = beside(context, async (signal) => {
      const untilAtLeastMs = untilMs + moreMs
      const isOver = () => clock.nowMs() >= (crashes < crashesMin ? untilAtLeastMs : untilMs)
      while (!signal.aborted && !isOver()) {
        const pid = cluster.pidOf(id)
        if (pid === undefined) await cluster.start(id)
        await clock.sleep(chance.below(800), signal)
        const running = cluster.pidOf(id)
        if (running === undefined) continue
        await cluster.signal(id, "SIGKILL")
        if ((await tools.processState(running)) === "gone") crashes++
      }
    })
    return {
      target: `broker ${id}`,
      nodes: [id],
      async verify() {
        await loop.ended(2 * moreMs)
        return {
          effective: crashes >= crashesMin,
          evidence: `broker ${id} crashed ${crashes} times`,
        }
      },
      heal: () => loop.stop().finally(() => startAgain(cluster, id)),
    }
  },
})
