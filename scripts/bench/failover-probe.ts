import { buildBatch } from "../../src/protocol/index.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import type { Cluster } from "../harness/cluster.ts"
import { RawConnection } from "../harness/raw.ts"
import { until } from "../harness/until.ts"
import { leadersOf } from "./bench-topic.ts"

/**
 * How long a partition takes no writes after its leader was killed, as a client sees it that asks
 * every few milliseconds: without the back-off of a real one.
 */

const produceVersion = 9

async function writeOnce(
  bootstrap: ReadonlyArray<string>,
  topic: string,
  acks: -1 | 1,
): Promise<boolean> {
  for (const address of bootstrap) {
    try {
      const leader = (await leadersOf(address, topic))?.[0]
      if (leader === undefined) continue
      const connection = await RawConnection.open(leader.address)
      const records = buildBatch({ records: [{ value: "probe", timestamp: Date.now() }] })
      try {
        const answer = await connection.request(produce, produceVersion, {
          acks,
          timeoutMs: 5_000,
          topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
        })
        return answer.responses[0]?.partitionResponses[0]?.errorCode === 0
      } finally {
        connection.close()
      }
    } catch {
      // The broker that was killed, or one that does not know the new leader yet.
    }
  }
  return false
}

/** SIGKILLs the leader of partition 0, and gives the ms until a write is acknowledged again. */
export async function measureFailover(cluster: Cluster, topic: string): Promise<number> {
  const leader = (await leadersOf(cluster.bootstrap, topic))?.[0]
  if (leader === undefined) throw new Error(`partition 0 of ${topic} has no leader`)
  const others = cluster.brokers
    .filter((broker) => broker.id !== leader.nodeId)
    .map((broker) => `127.0.0.1:${broker.port}`)
  const killedMs = performance.now()
  await cluster.kill(leader.nodeId)
  await until("a write after the kill", () => writeOnce(others, topic, -1), {
    timeoutMs: 90_000,
    everyMs: 5,
  })
  const gapMs = performance.now() - killedMs
  await cluster.startBroker(leader.nodeId)
  return gapMs
}
