import {
  commandLine,
  connect,
  ensureTopics,
  joinGroup,
  openProducer,
  untilShared,
} from "./connect.ts"
import { untilCaughtUp } from "./lag.ts"

/**
 * A queue of tasks: three workers are one group, so each task is given to one of them. Tasks have
 * no key, they go to whichever partition is next.
 *
 *     bun examples/task-queue.ts [bootstrap] [tasks]
 */
const { bootstrap, size } = commandLine(90)
const topic = "tasks"
const kafka = connect("tasks", bootstrap)
await ensureTopics(kafka, { topic, numPartitions: 3 })

const workers = await Promise.all([1, 2, 3].map(() => joinGroup(kafka, "workers", topic)))
/** By task: which worker did it. More than one would be one too many. */
const doneBy = new Map<string, Array<number>>()
await Promise.all(
  workers.map(({ consumer }, i) =>
    consumer.run({
      eachMessage: async ({ message }) => {
        const task = String(message.value)
        doneBy.set(task, [...(doneBy.get(task) ?? []), i + 1])
      },
    }),
  ),
)
await untilShared(workers, 3)

const producer = await openProducer(kafka)
const run = crypto.randomUUID()
const tasks = Array.from({ length: size }, (_, n) => `task ${n + 1} of ${run}`)
await producer.send({
  topic,
  messages: tasks.map((value, n) => ({ value, partition: n % 3 })),
})
await producer.disconnect()

await untilCaughtUp(kafka, "workers", topic)
for (const worker of workers.keys()) {
  const count = tasks.filter((task) => doneBy.get(task)?.includes(worker + 1)).length
  console.log(`worker ${worker + 1}: ${count} tasks`)
}
const once = tasks.filter((task) => doneBy.get(task)?.length === 1)
console.log(`${once.length} of ${size} tasks were done by exactly one worker`)
await Promise.all(workers.map(({ consumer }) => consumer.disconnect()))
