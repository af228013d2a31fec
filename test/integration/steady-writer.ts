/** Writes on and on, a little to each partition, until it is told to stop. */
import { Partitioners, type Kafka } from "kafkajs"

export interface SteadyWriter {
  /** Resolves to the number of records in each partition. */
  stop(): Promise<ReadonlyArray<number>>
}

const everyMs = 20

export async function steadyWriter(
  kafka: Kafka,
  topic: string,
  partitions: number,
): Promise<SteadyWriter> {
  const createPartitioner = Partitioners.DefaultPartitioner
  const producer = kafka.producer({ createPartitioner, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const ends = Array.from({ length: partitions }, () => 0)
  const stopping = new AbortController()
  const write = async (): Promise<void> => {
    for (let round = 0; !stopping.signal.aborted; round++) {
      const messages = ends.map((_, partition) => ({ partition, value: `${partition}:${round}` }))
      const sent = await producer.send({ topic, acks: -1, messages })
      for (const { partition, baseOffset } of sent) ends[partition] = Number(baseOffset) + 1
      await Bun.sleep(everyMs)
    }
  }
  const writing = write()
  return {
    stop: async () => {
      stopping.abort()
      await writing
      await producer.disconnect()
      return ends
    },
  }
}
