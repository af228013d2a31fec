/**
 * FindCoordinator: which broker coordinates a group. It is the leader of one partition of
 * `__consumer_offsets`, which the first question has created; until that partition is led the
 * answer is COORDINATOR_NOT_AVAILABLE, and clients ask again.
 *
 * What is not coordinated here is not promised:
 * - transactional ids: COORDINATOR_NOT_AVAILABLE, as InitProducerId says of them, and no
 *   `__transaction_state` is made;
 * - share groups (asked for by brokers only) and unknown types: INVALID_REQUEST, Kafka's word for a
 *   type that it does not take.
 * Any group id has a coordinator, the empty one too.
 */
import { consumerOffsetsTopic } from "../../cluster/topic-names.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { findCoordinator } from "../../protocol/messages/find-coordinator.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { groupPartition } from "../coordination/group-partition.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Request = RequestOf<typeof findCoordinator>
type Response = ResponseInput<typeof findCoordinator>

/** From here on a request holds many keys, and each has its own answer. */
const manyKeysVersion = 4
const keyTypes = { group: 0, transaction: 1, share: 2 } as const

interface Coordinator {
  readonly errorCode: number
  /** Empty where there is nothing to say; before version 4 Kafka says "NONE" then. */
  readonly errorMessage: string
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

const failed = (errorCode: number, errorMessage: string): Coordinator => ({
  errorCode,
  errorMessage,
  nodeId: -1,
  host: "",
  port: -1,
})

const notAvailable = failed(
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  "The coordinator is not available.",
)
const noTransactions = failed(
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  "The coordinator is not available: transactions are not served.",
)
const noShareGroups = failed(ErrorCode.INVALID_REQUEST, "Share groups are not served.")

function groupCoordinator(node: NodeView, groupId: string): Coordinator {
  const topic = node.image.topics.get(consumerOffsetsTopic)
  if (topic === undefined) {
    node.autoCreate([consumerOffsetsTopic])
    return notAvailable
  }
  const info = topic.partitions[groupPartition(groupId, topic.partitions.length)]
  const leader = info === undefined ? -1 : node.leaderOf(info.group).leader
  const broker = node.image.brokers.get(leader)
  if (broker === undefined) return notAvailable
  const { id: nodeId, host, port } = broker
  return { errorCode: ErrorCode.NONE, errorMessage: "", nodeId, host, port }
}

function coordinatorOf(node: NodeView, keyType: number, key: string): Coordinator {
  if (keyType === keyTypes.group) return groupCoordinator(node, key)
  if (keyType === keyTypes.transaction) return noTransactions
  if (keyType === keyTypes.share) return noShareGroups
  return failed(ErrorCode.INVALID_REQUEST, `Unknown coordinator type: ${keyType}`)
}

export function handleFindCoordinator(request: Request, context: RequestContext): Outcome {
  const { node, apiVersion } = context
  const { keyType } = request
  if (apiVersion >= manyKeysVersion) {
    const coordinators = request.coordinatorKeys.map((key) => ({
      key,
      ...coordinatorOf(node, keyType, key),
    }))
    return answer({ coordinators } satisfies Response)
  }
  const found = coordinatorOf(node, keyType, request.key)
  const errorMessage = found.errorCode === ErrorCode.NONE ? "NONE" : found.errorMessage
  return answer({ ...found, errorMessage } satisfies Response)
}
