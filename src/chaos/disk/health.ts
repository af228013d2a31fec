/** What a broker says of itself over HTTP (`/health`), and when a cluster is whole again. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { ChaosCluster, ChaosNode } from "../cluster.ts"

export interface Health {
  readonly ready: boolean
  readonly diskUuid: string
  readonly metadata: { readonly leader: number }
  readonly brokers: ReadonlyArray<{
    readonly id: number
    readonly fenced: boolean
    readonly connected: boolean
  }>
  readonly partitions: { readonly leaderless: number; readonly underReplicated: number }
  readonly recovering: ReadonlyArray<{ readonly group: number; readonly standing: string }>
  readonly diskSpace: "ample" | "low"
}

const askTimeoutMs = 2_000
const lookEveryMs = 200

/** Undefined when it does not answer. */
export async function healthOf(node: ChaosNode): Promise<Health | undefined> {
  try {
    const signal = AbortSignal.timeout(askTimeoutMs)
    const response = await fetch(`http://${httpAddress(node)}/health`, { signal })
    const health: unknown = await response.json()
    return isHealth(health) ? health : undefined
  } catch {
    return undefined
  }
}

function httpAddress({ dir }: ChaosNode): string {
  const json: unknown = JSON.parse(readFileSync(join(dir, "broker.json"), "utf8"))
  if (typeof json === "object" && json !== null && "varve.http.listener" in json) {
    return String(json["varve.http.listener"])
  }
  throw new Error(`${dir}/broker.json has no varve.http.listener`)
}

/** A broker that stops answers with less. */
const isHealth = (json: unknown): json is Health =>
  typeof json === "object" && json !== null && "recovering" in json && "partitions" in json

/** Undefined when every replica of everything is where it belongs; else what is missing. */
export async function whatIsMissing(
  cluster: ChaosCluster,
  nodes: ReadonlyArray<ChaosNode> = cluster.nodes,
): Promise<string | undefined> {
  const all = await Promise.all(nodes.map(async (node) => ({ node, health: await healthOf(node) })))
  const complaints = all.flatMap(({ node: { id }, health }) => {
    if (health?.ready !== true) return [`broker ${id} is not ready`]
    const { brokers, metadata, partitions, recovering } = health
    const apart = brokers.filter(({ fenced, connected }) => fenced || !connected)
    return [
      ...(metadata.leader < 0 ? [`broker ${id} knows no metadata leader`] : []),
      ...(recovering.length === 0 ? [] : [`broker ${id} recovers ${recovering.length} groups`]),
      ...(partitions.leaderless === 0 ? [] : [`${partitions.leaderless} partitions unled`]),
      ...(partitions.underReplicated === 0
        ? []
        : [`broker ${id} sees ${partitions.underReplicated} under-replicated`]),
      ...(apart.length === 0
        ? []
        : [`broker ${id} does not reach ${apart.map((one) => one.id).join(", ")}`]),
    ]
  })
  return complaints.length === 0 ? undefined : complaints.join("; ")
}

/** Whether nothing is missing within that time; else what is. */
export async function untilWhole(
  cluster: ChaosCluster,
  timeoutMs: number,
): Promise<string | undefined> {
  return await until(timeoutMs, () => whatIsMissing(cluster))
}

/** Whether the others lead everything, within that time: nobody then waits for a broker's vote. */
export async function untilOthersLead(
  cluster: ChaosCluster,
  down: number,
  timeoutMs: number,
): Promise<boolean> {
  const others = cluster.nodes.filter(({ id }) => id !== down)
  const missing = await until(timeoutMs, async () => {
    const all = await Promise.all(others.map(healthOf))
    const led = all.every(
      (health) =>
        health !== undefined &&
        health.partitions.leaderless === 0 &&
        health.metadata.leader >= 0 &&
        health.metadata.leader !== down,
    )
    return led ? undefined : "not led"
  })
  return missing === undefined
}

async function until(
  timeoutMs: number,
  look: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const missing = await look()
    if (missing === undefined || performance.now() > deadlineMs) return missing
    await Bun.sleep(lookEveryMs)
  }
}
