/** The cluster of a run: varve's brokers, or Apache Kafka's. */
import type { ChaosCluster } from "./cluster.ts"
import { startKafkaCluster } from "./cluster/kafka-cluster.ts"
import { startVarveCluster } from "./cluster/varve-cluster.ts"
import { equipDisks } from "./disk/disks.ts"
import type { RunOptions } from "./result.ts"

export interface ClusterRequest {
  readonly options: RunOptions
  /** For the brokers' folders; empty. */
  readonly dir: string
  readonly kafka: string | undefined
  readonly log: (line: string) => void
  /** A broker's process is gone, and nobody has ended it. */
  readonly onEnd: (node: number, how: string) => void
}

/** A cluster, and what else must be known of it at the end. */
export interface StartedCluster {
  readonly cluster: ChaosCluster
  /** Whether some broker has the bug that was asked for. */
  readonly plantIsLoaded: () => boolean
}

/** A member that is gone is missed within seconds, not within a minute: a run has few of them. */
const quickGroups = {
  "group.consumer.session.timeout.ms": "6000",
  "group.consumer.min.session.timeout.ms": "6000",
  "group.consumer.heartbeat.interval.ms": "500",
  "group.consumer.min.heartbeat.interval.ms": "500",
  "group.initial.rebalance.delay.ms": "0",
}

/** What happens after half a gigabyte, ten thousand topics or minutes is to happen within one. */
const quickTurnover = {
  "varve.segment.bytes": String(1024 * 1024),
  "varve.metadata.snapshot.entries": "100",
  "log.cleaner.backoff.ms": "1000",
}

export async function startCluster(request: ClusterRequest): Promise<StartedCluster> {
  const { options, dir, kafka, log } = request
  const { nodes, seed, plant } = options
  const onExit = (node: number, how: string, expected: boolean) => {
    if (!expected) request.onEnd(node, how)
  }
  if (options.product === "kafka") {
    if (kafka === undefined) throw new Error("nobody said what starts Kafka")
    const settings = quickGroups
    const cluster = await startKafkaCluster({ dir, nodes, seed, command: kafka, settings, onExit })
    return { cluster, plantIsLoaded: () => true }
  }
  const disks = equipDisks({
    dir,
    log,
    power: options.faults.includes("power"),
    clock: options.faults.includes("clock-jump"),
  })
  const varve = await startVarveCluster({
    dir,
    nodes,
    seed,
    onExit,
    settings: { ...quickGroups, ...quickTurnover },
    start: (id, folder) => disks.startOptions({ id, dir: folder }),
    capabilities: [...disks.capabilities],
    ...(plant === undefined ? {} : { plant }),
  })
  return { cluster: Object.assign(varve, { disks }), plantIsLoaded: () => varve.plantIsLoaded }
}
