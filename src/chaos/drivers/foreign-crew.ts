/** One producer and one consumer of every foreign library that is asked for. */
import { stream } from "../../../raft/prng.ts"
import type { DriverName } from "../workload.ts"
import type { ConsumerClient, ProducerClient } from "./client.ts"
import { commandOf } from "./foreign-client.ts"
import type { ForeignPorts } from "./foreign-client.ts"
import { ForeignConsumer } from "./foreign-consumer.ts"
import { ForeignProducer } from "./foreign-producer.ts"
import { KcatConsumer } from "./kcat-consumer.ts"
import type { Topic } from "./partition.ts"

export interface ForeignCrew {
  readonly producers: ReadonlyArray<{
    readonly client: ProducerClient
    /** What it writes to. */
    readonly topic: Topic
  }>
  readonly consumers: ReadonlyArray<ConsumerClient>
}

/** Which of them can be idempotent producers. */
const mayBeIdempotent: ReadonlySet<DriverName> = new Set(["kafkajs", "platformatic", "confluent"])
/** These have consumers in groups only. */
const readsAsMember: ReadonlySet<DriverName> = new Set(["kafkajs", "platformatic"])

/**
 * Each library has a topic of its own choosing, and whether it is idempotent is drawn from the
 * seed, but for librdkafka, which always is.
 */
export async function makeForeignCrew(
  drivers: ReadonlyArray<DriverName>,
  ports: ForeignPorts,
  topics: ReadonlyArray<Topic>,
  seed: number,
): Promise<ForeignCrew> {
  const producers: Array<{ client: ProducerClient; topic: Topic }> = []
  const consumers: Array<ConsumerClient> = []
  for (const driver of drivers) {
    const chance = stream(seed, `foreign ${driver}`)
    const topic = topics[chance.below(topics.length)]
    if (topic === undefined) continue
    if (driver === "kcat") {
      consumers.push(new KcatConsumer("kcat-consumer-0", ports, topic))
      continue
    }
    const command = await commandOf(driver)
    if (command === undefined) continue
    const isIdempotent =
      driver === "confluent" || (mayBeIdempotent.has(driver) && chance.below(2) === 0)
    const writer = { name: `${driver}-producer-0`, command, topics: [topic] }
    producers.push({ client: new ForeignProducer(writer, ports, isIdempotent), topic })
    const reader = { name: `${driver}-consumer-0`, command, topics: [topic] }
    consumers.push(new ForeignConsumer(reader, ports, readsAsMember.has(driver)))
  }
  return { producers, consumers }
}
