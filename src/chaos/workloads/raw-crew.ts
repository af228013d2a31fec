/** The raw clients of a workload: the same ports for all, and the shapes they come in. */
import type { RunClock } from "../clock.ts"
import type { Tally } from "../drivers/client.ts"
import type { Topic } from "../drivers/partition.ts"
import { connectTo } from "../drivers/raw/links.ts"
import type { ProducerShape } from "../drivers/raw/producer-shape.ts"
import type { RawPorts } from "../drivers/raw/raw-client.ts"
import type { Recorder } from "../history/recorder.ts"
import type { WorkloadContext } from "../workload.ts"

const connectMs = 3000

export function rawPorts(
  { cluster, seed, runId }: WorkloadContext,
  parts: {
    readonly clock: RunClock
    readonly recorder: Recorder
    readonly tally: Tally
    readonly topics: ReadonlyArray<Topic>
    readonly connections: { next: number }
  },
): RawPorts {
  const addresses = new Map(cluster.nodes.map(({ id, address }) => [id, address]))
  const connect = connectTo(addresses, "chaos", connectMs)
  return { ...parts, seed, runId, connect, nodes: cluster.nodes.map(({ id }) => id) }
}

/** acks=all, idempotent, five batches in flight, and never gives up. */
export const persistent: ProducerShape = {
  isIdempotent: true,
  acks: -1,
  inFlightMax: 5,
  retriesUnknown: true,
  requestTimeoutMs: 4000,
  deliveryTimeoutMs: 24 * 3_600_000,
  repeatPercent: 2,
  bumpsEpoch: true,
}

/** Gives up after a while, and begins anew. */
export const impatient: ProducerShape = {
  ...persistent,
  requestTimeoutMs: 1500,
  deliveryTimeoutMs: 6000,
}

/** Without sequence numbers, and what was not answered is sent again. */
export const careless: ProducerShape = {
  ...persistent,
  isIdempotent: false,
  acks: 1,
  inFlightMax: 2,
  repeatPercent: 0,
  bumpsEpoch: false,
}

/** Nothing is answered. */
export const deaf: ProducerShape = { ...careless, acks: 0, retriesUnknown: false }
