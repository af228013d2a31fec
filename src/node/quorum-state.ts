/**
 * The metadata group as DescribeQuorum tells it: its leader, and how far each member is. Offsets
 * are Raft indexes; "ends at" is the index of the last entry.
 */
import type { MemberId } from "../../raft/types.ts"
import type { MetadataImage } from "../cluster/image.ts"
import { memberId, nodeOf } from "../cluster/members.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import type { describeQuorum } from "../protocol/messages/describe-quorum.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import type { Liveness } from "./liveness.ts"
import type { MetadataGroup } from "./metadata-group.ts"

type Request = RequestOf<typeof describeQuorum>
type Response = ResponseInput<typeof describeQuorum>
type PartitionAnswer = NonNullable<NonNullable<Response["topics"]>[number]["partitions"]>[number]
type ReplicaState = NonNullable<PartitionAnswer["currentVoters"]>[number]

const metadataTopic = "__cluster_metadata"
const listenerName = "CONTROLLER"

export interface QuorumParts {
  readonly nodeId: number
  readonly group: MetadataGroup
  readonly liveness: Liveness
  readonly wallMs: () => number
}

export class QuorumState {
  readonly #parts: QuorumParts
  /** When a member was last seen to hold everything committed. */
  readonly #caughtUpMs = new Map<MemberId, number>()

  constructor(parts: QuorumParts) {
    this.#parts = parts
  }

  /** While this broker leads the metadata group. */
  observe(nowMs: number): void {
    const { node } = this.#parts.group.raftGroup
    for (const member of members(this.#parts.group)) {
      const progress = node.progress(member)
      if (progress === undefined || progress.matchIndex < node.commitIndex) continue
      this.#caughtUpMs.set(member, this.#heardMs(member, nowMs))
    }
  }

  /** Leadership went: what was seen may be old. */
  forget(): void {
    this.#caughtUpMs.clear()
  }

  #isSelf(member: MemberId): boolean {
    return nodeOf(member) === this.#parts.nodeId
  }

  /** −1: not heard, or its node speaks from another disk. */
  #heardMs(member: MemberId, nowMs: number): number {
    if (this.#isSelf(member)) return nowMs
    const peer = this.#parts.liveness.peer(nodeOf(member))
    return peer?.heard === true && peer.member === member ? peer.lastHeardMs : -1
  }

  #replica(member: MemberId, nowMs: number): ReplicaState {
    const { group, wallMs } = this.#parts
    const aheadMs = wallMs() - nowMs
    const timestamp = (atMs: number) => (atMs < 0 ? -1 : atMs + aheadMs)
    const { node } = group.raftGroup
    return {
      replicaId: nodeOf(member),
      replicaDirectoryId: member.slice(member.indexOf("/") + 1),
      logEndOffset: this.#isSelf(member)
        ? node.lastIndex
        : (node.progress(member)?.matchIndex ?? 0),
      lastFetchTimestamp: timestamp(this.#heardMs(member, nowMs)),
      lastCaughtUpTimestamp: timestamp(this.#caughtUpMs.get(member) ?? -1),
    }
  }

  describe(request: Request, image: MetadataImage, nowMs: number): Response {
    if (!asksForMetadata(request)) return unknown(request)
    this.observe(nowMs)
    const { group, nodeId } = this.#parts
    const { voters, votersOutgoing } = group.configuration
    const voting = [...new Set([...voters, ...votersOutgoing])]
    const learning = members(group).filter((member) => !voting.includes(member))
    const described = (list: ReadonlyArray<MemberId>) =>
      list
        .map((member) => this.#replica(member, nowMs))
        .sort((a, b) => (a.replicaId ?? 0) - (b.replicaId ?? 0))
    return {
      errorCode: ErrorCode.NONE,
      errorMessage: "",
      topics: [
        {
          topicName: metadataTopic,
          partitions: [
            {
              partitionIndex: 0,
              errorCode: ErrorCode.NONE,
              errorMessage: "",
              leaderId: nodeId,
              leaderEpoch: group.term,
              highWatermark: group.raftGroup.node.commitIndex,
              currentVoters: described(voting),
              observers: described(learning),
            },
          ],
        },
      ],
      nodes: endpoints(image, voting),
    }
  }
}

const members = ({ configuration }: MetadataGroup): ReadonlyArray<MemberId> => {
  const { voters, votersOutgoing, learners } = configuration
  return [...new Set([...voters, ...votersOutgoing, ...learners])]
}

/** As Kafka: that one partition and nothing else. */
const asksForMetadata = ({ topics }: Request): boolean => {
  const [topic] = topics
  if (topics.length !== 1 || topic?.topicName !== metadataTopic) return false
  return topic.partitions.length === 1 && topic.partitions[0]?.partitionIndex === 0
}

const unknown = ({ topics }: Request): Response => ({
  errorCode: ErrorCode.NONE,
  errorMessage: "",
  topics: topics.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      errorMessage: "This server does not host this topic-partition.",
      leaderId: 0,
      leaderEpoch: 0,
      highWatermark: 0,
      currentVoters: [],
      observers: [],
    })),
  })),
  nodes: [],
})

/** Brokers are controllers, too, at the same address. */
const endpoints = (image: MetadataImage, voting: ReadonlyArray<MemberId>) =>
  [...image.brokers.values()]
    .filter(({ id, diskUuid }) => voting.includes(memberId(id, diskUuid)))
    .sort((a, b) => a.id - b.id)
    .map(({ id, host, port }) => ({
      nodeId: id,
      listeners: [{ name: listenerName, host, port }],
    }))
