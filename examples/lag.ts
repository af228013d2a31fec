import type { Admin, Kafka } from "kafkajs"

/** How many records of a topic a group has not read and committed yet. */
async function lagOf(admin: Admin, groupId: string, topic: string): Promise<number> {
  const ends = await admin.fetchTopicOffsets(topic)
  const committed = await admin.fetchOffsets({ groupId, topics: [topic] })
  const offsets = committed.flatMap(({ partitions }) => partitions)
  return ends.reduce((sum, { partition, low, high }) => {
    const done = Number(offsets.find((one) => one.partition === partition)?.offset ?? -1)
    return sum + Number(high) - Math.max(done, Number(low))
  }, 0)
}

/** Resolves when a group has read all of a topic; tells how its lag changes, down to 0. */
export async function untilCaughtUp(
  kafka: Kafka,
  groupId: string,
  topic: string,
  tell: (lag: number) => void = () => {},
): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  for (let told = -1; told !== 0;) {
    const lag = await lagOf(admin, groupId, topic)
    if (lag !== told) tell(lag)
    if (lag > 0) await Bun.sleep(50)
    told = lag
  }
  await admin.disconnect()
}
