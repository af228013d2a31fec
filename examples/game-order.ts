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
 * What the players of a game do, handled by three servers side by side, and still in order for
 * each player: the player is the key, a key lies in one partition, a partition has one owner in a
 * group. More servers, up to one per partition, make it faster and change nothing.
 *
 *     bun examples/game-order.ts [bootstrap] [actions of each player]
 */
interface Action {
  readonly match: string
  /** Counts from 1, for each player in a match. */
  readonly number: number
  readonly what: string
}

const { bootstrap, size } = commandLine(20)
const topic = "game-actions"
const kafka = connect("game", bootstrap)
await ensureTopics(kafka, { topic, numPartitions: 3 })

/** The last action of each player in a match: what the servers know together. */
const last = new Map<string, number>()
let outOfOrder = 0

function handle(player: string, { match, number }: Action): void {
  const id = `${match} ${player}`
  const expected = (last.get(id) ?? 0) + 1
  // A lower one is a repetition: a server that is not sure that it is through reads again.
  if (number > expected) outOfOrder += 1
  if (number === expected) last.set(id, number)
}

const servers = await Promise.all([1, 2, 3].map(() => joinGroup(kafka, "game-servers", topic)))
const handled = servers.map(() => 0)
await Promise.all(
  servers.map(({ consumer }, i) =>
    consumer.run({
      eachMessage: async ({ message }) => {
        handle(String(message.key), JSON.parse(String(message.value)))
        handled[i] = (handled[i] ?? 0) + 1
      },
    }),
  ),
)
await untilShared(servers, 3)

const match = crypto.randomUUID()
const players = [
  "ada",
  "brian",
  "charles",
  "dorothy",
  "edsger",
  "frances",
  "grace",
  "ken",
  "leslie",
]
const producer = await openProducer(kafka)
for (let number = 1; number <= size; number++) {
  const what = ["move", "jump", "shoot"][number % 3] ?? ""
  const value = JSON.stringify({ match, number, what } satisfies Action)
  await producer.send({ topic, messages: players.map((key) => ({ key, value })) })
}
await producer.disconnect()

await untilCaughtUp(kafka, "game-servers", topic)
for (const [i, server] of servers.entries()) {
  console.log(`server ${i + 1}, partition ${server.partitions().join()}: ${handled[i]} actions`)
}
const done = players.filter((player) => last.get(`${match} ${player}`) === size)
console.log(`${done.length} players, ${size} actions each, ${outOfOrder} out of order`)
await Promise.all(servers.map(({ consumer }) => consumer.disconnect()))
