import { Kafka, logLevel, Partitioners, type Consumer, type ITopicConfig } from "kafkajs"

/** What the examples on kafkajs share: where the brokers are, topics, producers, members. */

/** `bun examples/<name>.ts [bootstrap] [size] [more …]`. */
export function commandLine(defaultSize: number) {
  const [bootstrap = "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094", size, ...more] =
    process.argv.slice(2)
  const count = Number(size ?? defaultSize)
  if (!Number.isSafeInteger(count) || count < 1) {
    console.error(`size: expected a whole number above 0, got ${size}`)
    process.exit(2)
  }
  return { bootstrap: bootstrap.split(","), size: count, more }
}

export function connect(clientId: string, brokers: Array<string>): Kafka {
  const retry = { retries: 8, initialRetryTime: 50, maxRetryTime: 1_000 }
  // It would call an error what is a normal answer, such as that a topic is there already.
  return new Kafka({ clientId, brokers, logLevel: logLevel.NOTHING, retry })
}

/** Creates those that are not there yet. */
export async function ensureTopics(kafka: Kafka, ...topics: Array<ITopicConfig>): Promise<void> {
  const admin = kafka.admin()
  await admin.connect().catch((error: Error) => {
    console.error(`${error.message} (a cluster is started by: npm start)`)
    process.exit(1)
  })
  await admin.createTopics({ topics })
  await admin.disconnect()
}

/** A producer whose retries write nothing twice; a key always goes to the same partition. */
export async function openProducer(kafka: Kafka) {
  const createPartitioner = Partitioners.DefaultPartitioner
  const producer = kafka.producer({ idempotent: true, createPartitioner })
  await producer.connect()
  return producer
}

export interface Member {
  readonly consumer: Consumer
  /** Those that the group has given it; empty until the group has shared them out. */
  readonly partitions: () => ReadonlyArray<number>
}

/** A member of a group that reads a topic from its beginning, or from what the group committed. */
export async function joinGroup(kafka: Kafka, groupId: string, topic: string): Promise<Member> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200, heartbeatInterval: 300 })
  let partitions: ReadonlyArray<number> = []
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    partitions = payload.memberAssignment[topic]?.toSorted((a, b) => a - b) ?? []
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (payload.restart) return
    console.error(payload.error)
    process.exit(1)
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  return { consumer, partitions: () => partitions }
}

/** Resolves when every member has a part of the topic, and together they have all of it. */
export async function untilShared(members: Array<Member>, partitions: number): Promise<void> {
  const parts = () => members.map((member) => member.partitions())
  while (parts().some((part) => part.length === 0) || parts().flat().length !== partitions) {
    await Bun.sleep(20)
  }
}
