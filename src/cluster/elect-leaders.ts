/**
 * ElectLeaders: hands leadership to preferred leaders. An unclean election is never available: who
 * lacks committed records cannot win a Raft election.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { electLeaders } from "../protocol/messages/elect-leaders.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import { mayLead } from "./assignment.ts"
import type { LeadershipView } from "./assignment.ts"
import type { Decision, Fault } from "./controller.ts"
import type { MetadataImage, PartitionInfo } from "./image.ts"
import type { Assignment } from "./records.ts"

export type ElectLeadersRequest = RequestOf<typeof electLeaders>
type Response = ResponseInput<typeof electLeaders>
type TopicResult = NonNullable<Response["replicaElectionResults"]>[number]

export const electionType = { PREFERRED: 0, UNCLEAN: 1 } as const

type Verdict =
  | { readonly _tag: "assigned"; readonly assignment: Assignment }
  | { readonly _tag: "refused"; readonly fault: Fault }

const refused = (errorCode: Fault["errorCode"], errorMessage: string): Verdict => ({
  _tag: "refused",
  fault: { errorCode, errorMessage },
})

const notNeeded = refused(
  ErrorCode.ELECTION_NOT_NEEDED,
  "Leader election not needed for topic partition.",
)

/** `view`: who leads and who is in sync, as the metadata leader hears it. */
export const decideElections = (
  image: MetadataImage,
  request: ElectLeadersRequest,
  view: LeadershipView,
): Decision<Response> => {
  const { electionType: type, topicPartitions } = request
  if (type !== electionType.PREFERRED && type !== electionType.UNCLEAN) {
    const fault = {
      errorCode: ErrorCode.INVALID_REQUEST,
      errorMessage: `Unknown election type ${type}`,
    }
    const replicaElectionResults = answerAll(topicPartitions ?? [], fault)
    return {
      records: [],
      response: { errorCode: ErrorCode.INVALID_REQUEST, replicaElectionResults },
    }
  }
  const assignments: Array<Assignment> = []
  const elect = (info: PartitionInfo): Fault => {
    const verdict =
      type === electionType.PREFERRED ? preferred(image, info, view) : unclean(info, view)
    if (verdict._tag === "refused") return verdict.fault
    assignments.push(verdict.assignment)
    return { errorCode: ErrorCode.NONE, errorMessage: null }
  }
  const replicaElectionResults =
    topicPartitions === null
      ? electAll(image, elect)
      : topicPartitions.map((asked) => electAsked(image, asked, elect))
  return {
    records: assignments.length === 0 ? [] : [{ _tag: "LeadersAssigned", assignments }],
    response: { errorCode: ErrorCode.NONE, replicaElectionResults },
  }
}

export const answerAll = (
  asked: NonNullable<ElectLeadersRequest["topicPartitions"]>,
  fault: Fault,
): Array<TopicResult> =>
  asked.map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, ...fault })),
  }))

/** Partitions that need no election are left out, their topics are not. */
const electAll = (image: MetadataImage, elect: (info: PartitionInfo) => Fault) =>
  [...image.topics.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, partitions }): TopicResult => ({
      topic: name,
      partitionResult: partitions
        .map((info) => ({ partitionId: info.partition, ...elect(info) }))
        .filter(({ errorCode }) => errorCode !== ErrorCode.ELECTION_NOT_NEEDED),
    }))

const electAsked = (
  image: MetadataImage,
  { topic, partitions }: NonNullable<ElectLeadersRequest["topicPartitions"]>[number],
  elect: (info: PartitionInfo) => Fault,
): TopicResult => {
  const known = image.topics.get(topic)
  const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const seen = new Map<number, Fault>()
  return {
    topic,
    partitionResult: partitions.map((partitionId) => {
      const info = known?.partitions[partitionId]
      if (known === undefined) {
        return { partitionId, errorCode, errorMessage: `No such topic as ${topic}` }
      }
      if (info === undefined) {
        const errorMessage = `No such partition as ${topic}-${partitionId}`
        return { partitionId, errorCode, errorMessage }
      }
      const fault = seen.get(partitionId) ?? elect(info)
      seen.set(partitionId, fault)
      return { partitionId, ...fault }
    }),
  }
}

const preferred = (image: MetadataImage, info: PartitionInfo, view: LeadershipView): Verdict => {
  const first = info.replicas[0]!
  const leader = view.leaderOf(info.group) ?? -1
  if (leader === first) return notNeeded
  const inSync = view.isrOf(info.group)?.includes(first) ?? false
  if (!inSync || !mayLead(image, info, first)) {
    return refused(
      ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
      "The preferred leader was not available.",
    )
  }
  const how = leader === -1 ? "campaign" : "transfer"
  return { _tag: "assigned", assignment: { group: info.group, leader: first, how } }
}

const unclean = (info: PartitionInfo, view: LeadershipView): Verdict =>
  (view.leaderOf(info.group) ?? -1) >= 0
    ? notNeeded
    : refused(
        ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE,
        "Only replicas with every committed record may lead, and none of them is available.",
      )
