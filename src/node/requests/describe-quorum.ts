/** DescribeQuorum: answered by the leader of the metadata group, wherever it is. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { describeQuorum } from "../../protocol/messages/describe-quorum.ts"
import type { RequestOf, ResponseInput, ResponseOf } from "../../protocol/schema.ts"
import { responseOf } from "./bodies.ts"
import { decide, timedOutMessage } from "./controller-requests.ts"
import type { Outcome, RequestContext } from "./outcome.ts"

type Replica = ResponseOf<typeof describeQuorum>["topics"][number]["partitions"][number][
  | "currentVoters"
  | "observers"][number]

const decideWaitMs = 30_000
/** Since which answers name disks and addresses. */
const addressesVersion = 2

const timedOut = (): ResponseInput<typeof describeQuorum> => ({
  errorCode: ErrorCode.REQUEST_TIMED_OUT,
  errorMessage: timedOutMessage,
})

const topics = (): ReadonlyArray<string> => []

const withoutDisk = (replica: Replica) => {
  const { replicaId, logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp } = replica
  return { replicaId, logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp }
}

/** The leader is asked in the newest version; older ones have no place for some of it. */
function withoutAddresses(response: object): ResponseInput<typeof describeQuorum> {
  const made = responseOf(describeQuorum, response)
  return {
    errorCode: made.errorCode,
    topics: made.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map((partition) => ({
        ...partition,
        currentVoters: partition.currentVoters.map(withoutDisk),
        observers: partition.observers.map(withoutDisk),
      })),
    })),
  }
}

export function handleDescribeQuorum(
  body: RequestOf<typeof describeQuorum>,
  context: RequestContext,
): Outcome {
  const { key: apiKey, versions } = describeQuorum
  const question = {
    apiKey,
    apiVersion: versions[1],
    body,
    timeoutMs: decideWaitMs,
    timedOut,
    topics,
  }
  if (context.apiVersion >= addressesVersion) return decide(question, context)
  return decide({ ...question, finish: withoutAddresses }, context)
}
