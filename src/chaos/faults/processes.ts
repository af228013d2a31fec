/** Taking processes away and bringing them back; and what shows that they were gone. */
import type { ChaosCluster } from "../cluster.ts"
import type { Effect, FaultContext } from "../fault.ts"
import type { FaultTools } from "./tools.ts"

const answerTimeoutMs = 300

/** A broker's process before it was struck. */
export interface Struck {
  readonly id: number
  readonly pid: number
}

/** Sends the signal to all at once, or a moment apart. Resolves when all have had it. */
export async function strike(
  cluster: ChaosCluster,
  ids: ReadonlyArray<number>,
  name: "SIGKILL" | "SIGSTOP",
): Promise<ReadonlyArray<Struck>> {
  const struck = ids.flatMap((id) => {
    const pid = cluster.pidOf(id)
    return pid === undefined ? [] : [{ id, pid }]
  })
  await Promise.all(struck.map(({ id }) => cluster.signal(id, name)))
  return struck
}

/** No process of the old id, none in its place, and nobody who answers. */
export async function areGone(
  cluster: ChaosCluster,
  struck: ReadonlyArray<Struck>,
  tools: FaultTools,
): Promise<Effect> {
  const checks = await Promise.all(
    struck.map(async ({ id, pid }) => {
      const state = await tools.processState(pid)
      if (state !== "gone") return { gone: false, text: `broker ${id} (pid ${pid}) is ${state}` }
      if (cluster.pidOf(id) !== undefined) return { gone: false, text: `broker ${id} runs again` }
      if (await isAnswering(cluster, id, tools)) {
        return { gone: false, text: `broker ${id} (pid ${pid}) is gone, its port answers` }
      }
      return { gone: true, text: `broker ${id} (pid ${pid}) is gone` }
    }),
  )
  const evidence = checks.map(({ text }) => text).join(", ")
  const effective = checks.length > 0 && checks.every(({ gone }) => gone)
  return { effective, evidence: evidence === "" ? "nobody was there to be struck" : evidence }
}

export async function isAnswering(
  cluster: ChaosCluster,
  id: number,
  tools: FaultTools,
  timeoutMs = answerTimeoutMs,
): Promise<boolean> {
  const node = cluster.nodes.find((one) => one.id === id)
  return node !== undefined && (await tools.answerMs(node.direct, timeoutMs)) !== undefined
}

const startsMax = 3

/**
 * Starts a broker that is down; a start that fails is tried again a few times. Rejects with the
 * last failure.
 */
export async function startAgain(cluster: ChaosCluster, id: number): Promise<void> {
  for (let tries = 1; cluster.pidOf(id) === undefined; tries++) {
    try {
      await cluster.start(id)
      return
    } catch (error) {
      if (tries >= startsMax) throw error
    }
  }
}

/**
 * A moment apart, in a random order; all are tried even when one does not come. Rejects with the
 * first failure.
 */
export async function startAllAgain(
  { cluster, clock, chance }: FaultContext,
  ids: ReadonlyArray<number>,
): Promise<void> {
  const apartMs = chance.below(400)
  const starts = ids.map(async (id, i) => {
    await clock.sleep(i * apartMs)
    await startAgain(cluster, id)
  })
  for (const result of await Promise.allSettled(starts)) {
    if (result.status === "rejected") throw result.reason
  }
}
