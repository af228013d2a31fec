/**
 * AlterPartitionReassignments and ListPartitionReassignments: both asked of the metadata leader.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type {
  alterPartitionReassignments,
  listPartitionReassignments,
} from "../../protocol/reassignments.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { decide, timedOutMessage } from "./controller-requests.ts"
import type { Outcome, RequestContext } from "./outcome.ts"

const timedOutFields = { errorCode: ErrorCode.REQUEST_TIMED_OUT, errorMessage: timedOutMessage }

const listTimedOut = (): ResponseInput<typeof listPartitionReassignments> => timedOutFields

const topics = (): ReadonlyArray<string> => []

export function handleAlterPartitionReassignments(
  request: RequestOf<typeof alterPartitionReassignments>,
  context: RequestContext,
): Outcome {
  const { allowReplicationFactorChange, timeoutMs } = request
  const timedOut = (): ResponseInput<typeof alterPartitionReassignments> => ({
    allowReplicationFactorChange,
    ...timedOutFields,
  })
  return decide({ apiKey: 45, body: request, timeoutMs, timedOut, topics }, context)
}

export function handleListPartitionReassignments(
  request: RequestOf<typeof listPartitionReassignments>,
  context: RequestContext,
): Outcome {
  const { timeoutMs } = request
  return decide({ apiKey: 46, body: request, timeoutMs, timedOut: listTimedOut, topics }, context)
}
