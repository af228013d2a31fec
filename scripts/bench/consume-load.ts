import { listOffsets } from "../../src/protocol/messages/list-offsets.ts"
import { closeAll, connectToLeaders, ledBy, type BenchTopic } from "./bench-topic.ts"
import { fetchLoop } from "./fetch-loop.ts"

/** Catching up from the start: one connection per leader, 4 MB of a partition at a time. */
export interface ConsumeResult {
  readonly MBps: number
  readonly recordsPerSecond: number
  readonly bytes: number
}

const latest = -1
const listVersion = 5

export async function consumeLoad(topic: BenchTopic): Promise<ConsumeResult> {
  const connections = await connectToLeaders(topic)
  let bytes = 0
  let records = 0
  const started = performance.now()
  const loops = Array.from(ledBy(topic), async ([nodeId, partitions]) => {
    const connection = connections.get(nodeId)
    if (connection === undefined) return
    const answer = await connection.request(listOffsets, listVersion, {
      replicaId: -1,
      topics: [
        {
          name: topic.name,
          partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp: latest })),
        },
      ],
    })
    const ends = new Map(
      answer.topics[0]?.partitions.map((p) => [p.partitionIndex, p.offset] as const),
    )
    const open = new Map(partitions.filter((p) => (ends.get(p) ?? 0) > 0).map((p) => [p, 0]))
    await fetchLoop(connection, open, {
      topic: topic.name,
      maxWaitMs: 500,
      partitionBytesMax: 4 << 20,
      bytesMax: 16 << 20,
      onBatch: (batch) => {
        bytes += batch.bytes
        records += batch.lastOffset - batch.baseOffset + 1
        if (batch.lastOffset + 1 >= (ends.get(batch.partition) ?? 0)) open.delete(batch.partition)
      },
      isDone: () => open.size === 0,
    })
  })
  await Promise.all(loops)
  const seconds = (performance.now() - started) / 1_000
  closeAll(connections)
  return {
    MBps: Math.round(bytes / seconds / 1e5) / 10,
    recordsPerSecond: Math.round(records / seconds),
    bytes,
  }
}
