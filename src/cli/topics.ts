/** `varve topics list · describe · create · alter · delete`. */
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/client.ts"
import { check } from "../client/groups.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import { createPartitions } from "../protocol/messages/create-partitions.ts"
import { createTopics } from "../protocol/messages/create-topics.ts"
import { deleteTopics } from "../protocol/messages/delete-topics.ts"
import { metadata } from "../protocol/messages/metadata.ts"
import { uuidToBase64 } from "../protocol/uuid.ts"
import {
  connectionFlags,
  given,
  print,
  printJson,
  show,
  table,
  watchFlag,
  withClient,
} from "./client-effect.ts"
import type { Cell } from "./table.ts"

const topicName = Argument.String("topic").pipe(Argument.withDescription("name of the topic"))

const timeoutMs = 30_000

const list = Command.make(
  "list",
  {
    ...connectionFlags,
    internal: Flag.Boolean("internal").pipe(
      Flag.withDescription("also those that varve keeps for itself"),
      Flag.withDefault(false),
    ),
  },
  Effect.fn("topics.list")(function* ({ internal, ...flags }) {
    const look = async (client: Client) =>
      (await describeTopics(client, null)).filter((topic) => internal || !topic.internal)
    yield* show({ ...flags, look, text: formatTopics })
  }),
).pipe(Command.withDescription("List the topics"))

const describe = Command.make(
  "describe",
  { ...connectionFlags, ...watchFlag, topic: topicName },
  Effect.fn("topics.describe")(function* ({ topic, ...flags }) {
    const look = async (client: Client) => {
      const [found] = await describeTopics(client, [topic])
      if (found === undefined) check(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, topic)
      return found
    }
    yield* show({ ...flags, look, text: formatTopic })
  }),
).pipe(
  Command.withDescription("Show the partitions of a topic and who leads them"),
  Command.withExamples([
    { command: "varve topics describe orders --watch", description: "see leaders move" },
  ]),
)

const create = Command.make(
  "create",
  {
    ...connectionFlags,
    topic: topicName,
    partitions: Flag.Int("partitions").pipe(
      Flag.withAlias("p"),
      Flag.withDescription("how many; the cluster's num.partitions if left out"),
      Flag.optional,
    ),
    replicas: Flag.Int("replicas").pipe(
      Flag.withDescription(
        "brokers that hold each; the cluster's default.replication.factor if left out",
      ),
      Flag.optional,
    ),
    config: Flag.KeyValuePair("config").pipe(
      Flag.withDescription("a setting of the topic, by Kafka's name"),
      Flag.optional,
    ),
  },
  Effect.fn("topics.create")(function* ({ bootstrap, json, topic, ...options }) {
    const configs = Object.entries(Option.getOrElse(options.config, () => ({})))
    const made = yield* withClient(bootstrap, async (client) => {
      const { topics } = await client.ask(createTopics, {
        topics: [
          {
            name: topic,
            numPartitions: given(options.partitions) ?? -1,
            replicationFactor: given(options.replicas) ?? -1,
            configs: configs.map(([name, value]) => ({ name, value })),
          },
        ],
        timeoutMs,
      })
      check(topics[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, topics[0]?.errorMessage)
      return topics[0]
    })
    const partitions = made?.numPartitions ?? -1
    const replicas = made?.replicationFactor ?? -1
    yield* json
      ? printJson({ topic, partitions, replicas })
      : print(`created ${topic}: ${partitions} partitions, ${replicas} replicas each\n`)
  }),
).pipe(
  Command.withDescription("Create a topic"),
  Command.withExamples([
    { command: "varve topics create orders --partitions 6", description: "six partitions" },
    {
      command: "varve topics create prices --config cleanup.policy=compact",
      description: "keep the last value of every key",
    },
  ]),
)

const alter = Command.make(
  "alter",
  {
    ...connectionFlags,
    topic: topicName,
    partitions: Flag.Int("partitions").pipe(
      Flag.withAlias("p"),
      Flag.withDescription("how many there are to be in all; keys may then go elsewhere"),
    ),
  },
  Effect.fn("topics.alter")(function* ({ bootstrap, json, topic, partitions }) {
    yield* withClient(bootstrap, async (client) => {
      const topics = [{ name: topic, count: partitions, assignments: null }]
      const { results } = await client.ask(createPartitions, { topics, timeoutMs })
      check(results[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, results[0]?.errorMessage)
    })
    yield* json
      ? printJson({ topic, partitions })
      : print(`${topic} has ${partitions} partitions now\n`)
  }),
).pipe(
  Command.withDescription("Add partitions to a topic"),
  Command.withExamples([
    { command: "varve topics alter orders --partitions 12", description: "twelve in all" },
  ]),
)

const remove = Command.make(
  "delete",
  { ...connectionFlags, topic: topicName },
  Effect.fn("topics.delete")(function* ({ bootstrap, json, topic }) {
    yield* withClient(bootstrap, async (client) => {
      const input = { topics: [{ name: topic }], topicNames: [topic], timeoutMs }
      const { responses } = await client.ask(deleteTopics, input)
      const code = responses[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
      check(code, responses[0]?.errorMessage)
    })
    yield* json ? printJson({ deleted: topic }) : print(`deleted ${topic}\n`)
  }),
).pipe(Command.withDescription("Delete a topic and all its records"))

export const topicsCommand = Command.make("topics").pipe(
  Command.withDescription("List, describe, create, alter and delete topics"),
  Command.withSubcommands([list, describe, create, alter, remove]),
)

interface TopicDescription {
  readonly name: string
  readonly id: string
  readonly internal: boolean
  readonly partitions: ReadonlyArray<{
    readonly partition: number
    readonly leader: number
    readonly leaderEpoch: number
    readonly replicas: ReadonlyArray<number>
    readonly isr: ReadonlyArray<number>
  }>
}

/** Sorted by name; rejects when one that was named is not there. */
async function describeTopics(
  client: Client,
  names: ReadonlyArray<string> | null,
): Promise<ReadonlyArray<TopicDescription>> {
  const topics = names?.map((name) => ({ name })) ?? null
  const answer = await client.ask(metadata, { topics, allowAutoTopicCreation: false })
  return answer.topics
    .map((topic) => {
      check(topic.errorCode, topic.name)
      const partitions = topic.partitions
        .map((p) => ({
          partition: p.partitionIndex,
          leader: p.leaderId,
          leaderEpoch: p.leaderEpoch,
          replicas: p.replicaNodes,
          isr: p.isrNodes,
        }))
        .toSorted((a, b) => a.partition - b.partition)
      const id = uuidToBase64(topic.topicId)
      return { name: topic.name ?? "", id, internal: topic.isInternal, partitions }
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

const formatTopics = (topics: ReadonlyArray<TopicDescription>): string =>
  table(
    ["TOPIC", "PARTITIONS", "REPLICAS"],
    topics.map((t) => [t.name, t.partitions.length, t.partitions[0]?.replicas.length ?? 0]),
  )

function formatTopic(topic: TopicDescription | undefined): string {
  const rows = (topic?.partitions ?? []).map((p): ReadonlyArray<Cell> => [
    p.partition,
    p.leader < 0 ? { text: "none", tone: "bad" } : p.leader,
    p.leaderEpoch,
    p.replicas.join(","),
    p.isr.length < p.replicas.length ? { text: p.isr.join(","), tone: "warning" } : p.isr.join(","),
  ])
  const head = ["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR"]
  return `topic ${topic?.name}, id ${topic?.id}\n${table(head, rows)}`
}
