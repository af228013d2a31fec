import {
  Consumer,
  DeserializationErrorActions,
  jsonDeserializer,
  jsonSerializer,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Producer,
  stringDeserializer,
  stringSerializer,
} from "@platformatic/kafka"
import { commandLine, connect, ensureTopics } from "./connect.ts"

/**
 * Sensors write their readings, and the average of each is known as the readings arrive. With
 * @platformatic/kafka, in a group of the new protocol (KIP-848): the broker shares the partitions
 * out, no member has to wait for the others.
 *
 *     bun examples/sensor-average.ts [bootstrap] [readings]
 */
interface Reading {
  readonly celsius: number
}

const { bootstrap: bootstrapBrokers, size } = commandLine(300)
const topic = "test-topic"
await ensureTopics(connect("sensors", bootstrapBrokers), { topic, numPartitions: 3 })

const producer = new Producer({
  clientId: "sensors",
  bootstrapBrokers,
  idempotent: true,
  serializers: { key: stringSerializer, value: jsonSerializer<Reading> },
})
const consumer = new Consumer({
  clientId: "averages",
  bootstrapBrokers,
  groupId: "averages",
  groupProtocol: "consumer",
  maxWaitTime: 100,
  // What is committed is what was counted, not what was fetched.
  autocommit: false,
  deserializers: { key: stringDeserializer, value: jsonDeserializer<Reading> },
})
const readings = await consumer.consume({
  topics: [topic],
  mode: MessagesStreamModes.COMMITTED,
  fallbackMode: MessagesStreamFallbackModes.EARLIEST,
  // Whatever else lies in a topic of that name is no reading.
  onDeserializationError: () => DeserializationErrorActions.SKIP,
})

/** Three sensors, each a degree or so around a temperature of its own. */
const rooms = { kitchen: 21, cellar: 12, attic: 27 }

async function measure(): Promise<void> {
  for (let i = 0; i * 3 < size; i++) {
    const messages = Object.entries(rooms).map(([key, celsius]) => ({
      topic,
      key,
      value: { celsius: celsius + Math.sin(i) },
    }))
    await producer.send({ messages: messages.slice(0, size - i * 3) })
  }
}

const averages = new Map<string, { count: number; celsius: number }>()
const measuring = measure()
const commits: Array<Promise<void>> = []
for await (const reading of readings) {
  const { key, value } = reading
  const { count, celsius } = averages.get(key) ?? { count: 0, celsius: 0 }
  const moved = (value.celsius - celsius) / (count + 1)
  averages.set(key, { count: count + 1, celsius: celsius + moved })
  commits.push(Promise.resolve(reading.commit()))
  if (commits.length % 100 === 0 || commits.length === size) tell()
  if (commits.length === size) break
}

function tell(): void {
  const all = [...averages].map(([sensor, { celsius }]) => `${sensor} ${celsius.toFixed(2)} °C`)
  console.log(`after ${commits.length} readings: ${all.toSorted().join(", ")}`)
}

await measuring
await Promise.all(commits)
await readings.close()
await Promise.all([consumer.close(), producer.close()])
