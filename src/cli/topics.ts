/** `varve topics list · describe · create · delete`. */
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/client.ts"
import { KafkaError } from "../client/client-error.ts"
import { ErrorCode, errorName } from "../protocol/error-codes.ts"
import { createTopics } from "../protocol/messages/create-topics.ts"
import { deleteTopics } from "../protocol/messages/delete-topics.ts"
import { metadata } from "../protocol/messages/metadata.ts"
import { uuidToBase64 } from "../protocol/uuid.ts"
import { connectionFlags, formatTable, print, printJson, withClient } from "./client-effect.ts"

const topicName = Argument.String("topic").pipe(Argument.withDescription("name of the topic"))

const list = Command.make(
  "list",
  connectionFlags,
  Effect.fn("topics.list")(function* ({ bootstrap, json }) {
    const topics = yield* withClient(bootstrap, (client) => describeTopics(client, null))
    const rows = topics.map((t) => [
      t.name,
      t.partitions.length,
      t.partitions[0]?.replicas.length ?? 0,
    ])
    yield* json ? printJson(topics) : print(formatTable(["TOPIC", "PARTITIONS", "REPLICAS"], rows))
  }),
).pipe(Command.withDescription("List the topics"))

const describe = Command.make(
  "describe",
  { ...connectionFlags, topic: topicName },
  Effect.fn("topics.describe")(function* ({ bootstrap, json, topic }) {
    const [found] = yield* withClient(bootstrap, (client) => describeTopics(client, [topic]))
    const rows = (found?.partitions ?? []).map((p) => [
      p.partition,
      p.leader < 0 ? "none" : p.leader,
      p.leaderEpoch,
      p.replicas.join(","),
      p.isr.join(","),
    ])
    const table = formatTable(["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR"], rows)
    yield* json ? printJson(found) : print(`topic ${topic}, id ${found?.id}\n${table}`)
  }),
).pipe(Command.withDescription("Show the partitions of a topic and who leads them"))

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
    const answer = yield* withClient(bootstrap, (client) =>
      client
        .ask(createTopics, {
          topics: [
            {
              name: topic,
              numPartitions: Option.getOrElse(options.partitions, () => -1),
              replicationFactor: Option.getOrElse(options.replicas, () => -1),
              configs: configs.map(([name, value]) => ({ name, value })),
            },
          ],
          timeoutMs: 30_000,
        })
        .then(({ topics: [result] }) => {
          refuse(result?.errorCode, result?.errorMessage)
          return result
        }),
    )
    const partitions = answer?.numPartitions ?? -1
    const replicas = answer?.replicationFactor ?? -1
    yield* json
      ? printJson({ topic, partitions, replicas })
      : print(`created ${topic}: ${partitions} partitions, ${replicas} replicas each\n`)
  }),
).pipe(
  Command.withDescription("Create a topic"),
  Command.withExamples([
    { command: "varve topics create orders --partitions 6", description: "six partitions" },
  ]),
)

const remove = Command.make(
  "delete",
  { ...connectionFlags, topic: topicName },
  Effect.fn("topics.delete")(function* ({ bootstrap, json, topic }) {
    yield* withClient(bootstrap, (client) =>
      client
        .ask(deleteTopics, { topics: [{ name: topic }], topicNames: [topic], timeoutMs: 30_000 })
        .then(({ responses: [result] }) => refuse(result?.errorCode, result?.errorMessage)),
    )
    yield* json ? printJson({ deleted: topic }) : print(`deleted ${topic}\n`)
  }),
).pipe(Command.withDescription("Delete a topic and all its records"))

export const topicsCommand = Command.make("topics").pipe(
  Command.withDescription("List, describe, create and delete topics"),
  Command.withSubcommands([list, describe, create, remove]),
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
      refuse(topic.errorCode, topic.name)
      const partitions = topic.partitions
        .map((p) => ({
          partition: p.partitionIndex,
          leader: p.leaderId,
          leaderEpoch: p.leaderEpoch,
          replicas: p.replicaNodes,
          isr: p.isrNodes,
        }))
        .sort((a, b) => a.partition - b.partition)
      const id = uuidToBase64(topic.topicId)
      return { name: topic.name ?? "", id, internal: topic.isInternal, partitions }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function refuse(code: number | undefined, message: string | null | undefined): void {
  if (code === ErrorCode.NONE) return
  const known = code ?? ErrorCode.UNKNOWN_SERVER_ERROR
  throw new KafkaError(known, `${errorName(known)}${message ? `: ${message}` : ""}`)
}
