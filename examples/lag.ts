import type { Kafka } from "kafkajs"

/** How many records of a topic a group has not read and committed yet. */
export async function watchLag(kafka: Kafka, groupId: string, topic: string) {
  const admin = kafka.admin()
  await admin.connect()

  const lag = async (): Promise<number> => {
    const [ends, committed] = await Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchOffsets({ groupId, topics: [topic] }),
    ])
    const offsets = committed.flatMap(({ partitions }) => partitions)
    return ends.reduce((sum, { partition, low, high }) => {
      const done = Number(offsets.find((one) => one.partition === partition)?.offset ?? -1)
      return sum + Number(high) - Math.max(done, Number(low))
    }, 0)
  }

  /** Resolves when the group has read everything; tells how the lag changes, down to 0. */
  const untilZero = async (tell: (lag: number) => void = () => {}): Promise<void> => {
    for (let told = -1; told !== 0; await Bun.sleep(told === 0 ? 0 : 50)) {
      const left = await lag()
      if (left !== told) tell(left)
      told = left
    }
    await admin.disconnect()
  }
  return { lag, untilZero }
}
