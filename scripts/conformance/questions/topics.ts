import { createPartitions } from "../../../src/protocol/messages/create-partitions.ts"
import { createTopics } from "../../../src/protocol/messages/create-topics.ts"
import { deleteTopics } from "../../../src/protocol/messages/delete-topics.ts"
import { describeCluster } from "../../../src/protocol/messages/describe-cluster.ts"
import { describeTopicPartitions } from "../../../src/protocol/messages/describe-topic-partitions.ts"
import { metadata } from "../../../src/protocol/messages/metadata.ts"
import type { Asker } from "../asker.ts"
import { nobodyId, topicLedBy0 } from "./topics-of-our-own.ts"

const one = (name: string, more: object = {}) => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  ...more,
})

const config = (name: string, value: string | null) => ({ configs: [{ name, value }] })

export async function askTopics(asker: Asker): Promise<void> {
  await askCreation(asker)
  const topicId = await topicLedBy0(asker, "t-one")
  await topicLedBy0(asker, "t-two")
  await asker.every(
    metadata,
    (v) => ({
      topics: [{ name: "t-one" }, { name: "t-one" }],
      allowAutoTopicCreation: v < 4 ? undefined : false,
    }),
    "the same topic twice",
  )
  for (const version of [8, 9, 10]) {
    await asker.call(
      metadata,
      version,
      {
        topics: [{ name: "t-one" }],
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: true,
        includeClusterAuthorizedOperations: version <= 10,
      },
      "with authorized operations",
    )
  }
  await asker.call(
    metadata,
    13,
    { topics: [{ name: "t-one", topicId }], allowAutoTopicCreation: false },
    "by name and id",
  )
  await asker.call(
    metadata,
    11,
    { topics: [{ topicId, name: null }], allowAutoTopicCreation: false },
    "by id before version 12",
  )
  await asker.call(
    metadata,
    12,
    { topics: [{ name: "" }], allowAutoTopicCreation: true },
    "an empty name, to be made",
  )
  await asker.call(
    metadata,
    12,
    { topics: [{ name: "n".repeat(250) }], allowAutoTopicCreation: true },
    "a name of 250 characters, to be made",
  )
  await askDescriptions(asker)
  await askPartitions(asker)
  await askDeletion(asker, topicId)
}

async function askDescriptions(asker: Asker): Promise<void> {
  await asker.every(describeCluster, { endpointType: 2 }, "the controllers")
  const described = (topics: ReadonlyArray<string>, more: object = {}, note = "") =>
    asker.call(
      describeTopicPartitions,
      0,
      { topics: topics.map((name) => ({ name })), responsePartitionLimit: 10, ...more },
      note,
    )
  await described(["t-two", "t-one"], {}, "not in order")
  await described(["t-one", "t-one"], {}, "the same twice")
  await described([""], {}, "an empty name")
  await described(["t-one"], { responsePartitionLimit: 0 }, "limit 0")
  await described(
    ["t-one", "t-two"],
    { cursor: { topicName: "t-q", partitionIndex: 0 } },
    "a cursor at a topic not asked for",
  )
  await described(
    ["t-one"],
    { cursor: { topicName: "t-one", partitionIndex: 9 } },
    "a cursor past the partitions",
  )
  await described(
    ["t-one"],
    { cursor: { topicName: "t-one", partitionIndex: -1 } },
    "a cursor before the partitions",
  )
}

const values: ReadonlyArray<readonly [string, string | null]> = [
  ["cleanup.policy", "delete,compact"],
  ["cleanup.policy", "shred"],
  ["cleanup.policy", ""],
  ["compression.type", "zstd"],
  ["compression.type", "rar"],
  ["retention.ms", "-2"],
  ["retention.ms", null],
  ["min.insync.replicas", "0"],
  ["min.insync.replicas", "9"],
  ["message.timestamp.type", "LocalTime"],
  ["segment.bytes", "1"],
  ["max.message.bytes", "-1"],
  ["min.cleanable.dirty.ratio", "1.5"],
  ["unclean.leader.election.enable", "maybe"],
  ["preallocate", "TRUE"],
  ["leader.replication.throttled.replicas", "*"],
  ["leader.replication.throttled.replicas", "1"],
]

type Make = (
  version: number,
  topics: ReadonlyArray<ReturnType<typeof one>>,
  note: string,
  more?: object,
) => Promise<unknown>

const making =
  (asker: Asker): Make =>
  (version, topics, note, more = {}) =>
    asker.call(createTopics, version, { topics, timeoutMs: 9_000, ...more }, note)

async function askCreation(asker: Asker): Promise<void> {
  const made = making(asker)
  for (const [i, [name, value]] of values.entries()) {
    await made(7, [one(`t-c${i}`, config(name, value))], `${name}=${String(value)}`)
  }
  for (const version of [2, 4, 5, 6, 7]) {
    await made(
      version,
      [
        one(`t-v${version}`, {
          configs: [
            { name: "retention.ms", value: "5" },
            { name: "retention.ms", value: "6" },
          ],
        }),
      ],
      "a config twice",
    )
    await made(
      version,
      [one(`t-w${version}`), one("a b"), one(`t-x${version}`, { replicationFactor: 9 })],
      "one good, two bad",
    )
    await made(version, [], "no topics")
    await made(
      version,
      [one("t-dry", { numPartitions: -1, replicationFactor: -1 })],
      "validate only, all by default",
      { validateOnly: true },
    )
    await made(version, [one("__consumer_offsets")], "an internal topic", { validateOnly: true })
  }
  await askPlacement(made)
}

async function askPlacement(made: Make): Promise<void> {
  await made(7, [one("t-neg", { numPartitions: -2 })], "-2 partitions")
  await made(7, [one("t-many", { numPartitions: 20_000 })], "20,000 partitions", {
    validateOnly: true,
  })
  await made(7, [one("..")], "two dots")
  await made(
    7,
    [
      one("t-gap", {
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [
          { partitionIndex: 0, brokerIds: [0] },
          { partitionIndex: 2, brokerIds: [0] },
        ],
      }),
    ],
    "a gap in the assignments",
  )
  await made(
    7,
    [
      one("t-uneven", {
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [
          { partitionIndex: 0, brokerIds: [0, 1] },
          { partitionIndex: 1, brokerIds: [0] },
        ],
      }),
    ],
    "replicas of two numbers",
  )
  await made(
    7,
    [
      one("t-none", {
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [] }],
      }),
    ],
    "an assignment of nobody",
  )
  await made(
    7,
    [
      one("t-twice", {
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [
          { partitionIndex: 0, brokerIds: [0] },
          { partitionIndex: 0, brokerIds: [1] },
        ],
      }),
    ],
    "the same partition assigned twice",
  )
}

async function askPartitions(asker: Asker): Promise<void> {
  await topicLedBy0(asker, "t-grow")
  const grow = (count: number, note: string, more: object = {}, version = 3) =>
    asker.call(
      createPartitions,
      version,
      { topics: [{ name: "t-grow", count, assignments: null }], timeoutMs: 9_000, ...more },
      note,
    )
  await grow(5, "validate only", { validateOnly: true })
  await grow(0, "none at all")
  await grow(-1, "minus one")
  await grow(20_000, "20,000, validate only", { validateOnly: true })
  const assigned = (brokers: ReadonlyArray<ReadonlyArray<number>>, count: number, note: string) =>
    asker.call(
      createPartitions,
      3,
      {
        topics: [
          { name: "t-grow", count, assignments: brokers.map((brokerIds) => ({ brokerIds })) },
        ],
        timeoutMs: 9_000,
      },
      note,
    )
  await assigned([[0]], 3, "another replication factor")
  await assigned([[0, 0, 1]], 3, "a broker twice")
  await assigned([[0, 1, 7]], 3, "an unknown broker")
  await assigned([[]], 3, "nobody")
  await asker.every(
    createPartitions,
    {
      topics: [
        { name: "t-grow", count: 4 },
        { name: "t-grow", count: 5 },
      ].map((topic) => ({ ...topic, assignments: null })),
      timeoutMs: 9_000,
    },
    "the same topic twice",
  )
  await asker.every(
    createPartitions,
    { topics: [{ name: "", count: 4, assignments: null }], timeoutMs: 9_000 },
    "an empty name",
  )
}

async function askDeletion(asker: Asker, topicId: string): Promise<void> {
  const gone = (topics: ReadonlyArray<object>, note: string) =>
    asker.call(deleteTopics, 6, { topics, timeoutMs: 9_000 }, note)
  await gone([{ name: "t-one", topicId }], "by name and id")
  await gone([{ name: "t-two" }, { name: "t-two" }], "the same name twice")
  await gone(
    [
      { name: null, topicId },
      { name: null, topicId },
    ],
    "the same id twice",
  )
  await gone([{ name: "t-one" }, { name: null, topicId }], "the same by name and by id")
  await gone([{ name: null, topicId: nobodyId }], "an unknown id")
  await gone([], "no topics")
  await gone([{ name: "" }], "an empty name")
  for (const version of [1, 3, 4, 5]) {
    await asker.call(
      deleteTopics,
      version,
      { topicNames: ["t-one", "t-one"], timeoutMs: 9_000 },
      "the same twice",
    )
    await asker.call(deleteTopics, version, { topicNames: [] }, "none")
  }
}
