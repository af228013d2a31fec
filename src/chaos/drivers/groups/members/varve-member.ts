/** A group member by varve's own client, of either protocol. */
import { cooperativeSticky, range } from "../../../../client/assignors.ts"
import { Client, commitOffsets, Consumer, parseBootstrap } from "../../../../client/index.ts"
import { memberArguments, serveMember } from "./member-loop.ts"

const { bootstrap, topics, group: groupId, sessionTimeoutMs, strategy } = memberArguments()

const commitTimeoutMs = 10_000

const client = new Client({
  bootstrap: parseBootstrap(bootstrap.join(",")) ?? [],
  requestTimeoutMs: 10_000,
})
const consumer = new Consumer(client, { offsetReset: "earliest", maxWaitMs: 200 })
consumer.subscribe(
  { topics },
  {
    groupId,
    protocol: strategy === "consumer" ? "consumer" : "classic",
    assignors: [strategy === "cooperative-sticky" ? cooperativeSticky : range],
    autoCommit: false,
    sessionTimeoutMs,
    rebalanceTimeoutMs: 2 * sessionTimeoutMs,
    heartbeatIntervalMs: 500,
    metadataMaxAgeMs: 2000,
  },
)

const membership = () => ({
  member: consumer.committer?.memberId ?? "",
  generation: consumer.committer?.generationId ?? -1,
})

await serveMember({
  poll: (waitMs) => consumer.poll(waitMs, 500),
  owned: () => {
    const { member, generation } = membership()
    const partitions = consumer.assignment.map(
      ({ topic, partition }) => [topic, partition] as const,
    )
    // Between JoinGroup and SyncGroup it is of a generation that has given it nothing yet: an eager
    // member holds nothing then, a cooperative one what it had.
    const isKnown = partitions.length > 0 && strategy !== "cooperative-sticky"
    return { member, generation: isKnown ? generation : -1, partitions }
  },
  commit: async (asked) => {
    const { committer } = consumer
    if (committer === undefined) throw new Error("outside the group")
    const held = new Set(consumer.assignment.map((one) => `${one.topic}/${one.partition}`))
    const offsets = asked.map(([topic, partition, offset, metadata]) => {
      if (!held.has(`${topic}/${partition}`)) throw new Error(`${topic}/${partition} is gone`)
      return { topic, partition, offset, metadata }
    })
    await commitOffsets(client, groupId, offsets, committer, commitTimeoutMs)
    return { member: committer.memberId, generation: committer.generationId }
  },
  leave: () => consumer.close(),
})
