/** Takes back whatever may have been done to a cluster. */
import type { ChaosCluster } from "../cluster.ts"
import { startAgain } from "./processes.ts"
import type { FaultTools } from "./tools.ts"

const startMs = 60_000

/** Heals every link, wakes who is stopped, starts who is down. What fails is told, a line each. */
export async function healCluster(
  cluster: ChaosCluster,
  tools: FaultTools,
  onFailure: (line: string) => void,
): Promise<void> {
  cluster.network.healAll()
  const heals = cluster.nodes.map(async ({ id }) => {
    try {
      const pid = cluster.pidOf(id)
      if (pid !== undefined && (await tools.processState(pid)) === "stopped") {
        await cluster.signal(id, "SIGCONT")
      }
      await within(startMs, `the start of broker ${id}`, () => startAgain(cluster, id))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      onFailure(`broker ${id} could not be brought back: ${why.replaceAll("\n", " · ")}`)
    }
  })
  await Promise.all(heals)
}

/** Rejects when it takes longer; what was begun goes on. */
export async function within<A>(ms: number, what: string, work: () => Promise<A>): Promise<A> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
