/**
 * `varve cluster`: brokers 0 … N−1 as processes of their own, in the foreground. It prints `ready
 * …` when all serve, and on SIGINT or SIGTERM stops every broker that lives in DIR. `--form-only`
 * writes their folders and leaves starting them to others. Imports nothing but Bun's own before the
 * brokers run.
 */
import { mkdirSync } from "node:fs"
import { resolve } from "node:path"
import { BrokerJsonError } from "../broker/broker-json.ts"
import { existingNodes, prepareCluster, removeBrokers } from "./cluster-folder.ts"
import type { ClusterPlan } from "./cluster-folder.ts"
import { UsageError, clusterFlags, parseFlags, parseSets, portRange } from "./flags.ts"
import { Supervisor } from "./supervisor.ts"

export async function run(argv: ReadonlyArray<string>): Promise<void> {
  try {
    const { plan, fresh, restart, formOnly } = readPlan(argv)
    if (fresh) removeBrokers(plan.dir)
    mkdirSync(plan.dir, { recursive: true })
    const folders = prepareCluster(plan)
    if (formOnly) {
      process.stdout.write(`formed: ${named(plan.nodes)} in ${plan.dir}\n`)
      return
    }
    await new Supervisor(plan, folders, restart).run()
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof BrokerJsonError)) throw error
    process.stderr.write(`varve: ${error.message}\n`)
    process.exit(error instanceof UsageError ? 2 : 1)
  }
}

function readPlan(argv: ReadonlyArray<string>): {
  readonly plan: ClusterPlan
  readonly fresh: boolean
  readonly restart: boolean
  readonly formOnly: boolean
} {
  const flags = parseFlags("cluster", clusterFlags, argv)
  const dir = resolve(flags.text("dir") ?? "./data")
  const fresh = flags.has("fresh")
  const asked = flags.int("nodes", { min: 1, max: 100 })
  const existing = fresh ? undefined : existingNodes(dir)
  if (existing !== undefined && asked !== undefined && asked !== existing) {
    throw new UsageError(
      `--nodes ${asked}: ${dir} holds a cluster of ${existing}; ` +
        "growing or shrinking it is not possible yet (--fresh begins anew)",
    )
  }
  const restart = flags.has("restart")
  const formOnly = flags.has("form-only")
  if (restart && formOnly) throw new UsageError("--restart has no meaning beside --form-only")
  const nodes = asked ?? existing ?? 3
  const last = { min: portRange.min, max: portRange.max - nodes + 1 }
  const plan = {
    dir,
    nodes,
    port: flags.int("port", last) ?? 9092,
    httpPort: flags.int("http-port", last) ?? 8080,
    sets: parseSets(flags.list("set")),
  }
  return { plan, fresh, restart, formOnly }
}

const named = (nodes: number): string => `${nodes} ${nodes === 1 ? "broker" : "brokers"}`
