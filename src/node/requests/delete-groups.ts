/** DeleteGroups: empty groups with all they have committed. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { deleteGroups } from "../../protocol/messages/delete-groups.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { groupPartition } from "../coordination/group-partition.ts"
import { answerLater, inAnswerOrder } from "./coordinated.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"

type Response = ResponseInput<typeof deleteGroups>

export function handleDeleteGroups(
  request: RequestOf<typeof deleteGroups>,
  context: RequestContext,
): Outcome {
  const { node, nowMs } = context
  const groupIds = inAnswerOrder(node, [...new Set(request.groupsNames)])
  const errors = new Map<string, ErrorCode>()
  const made = (): Response => ({
    results: unknownFirst(node, groupIds, errors).map((groupId) => ({
      groupId,
      errorCode: errors.get(groupId) ?? ErrorCode.COORDINATOR_NOT_AVAILABLE,
    })),
  })
  return answerLater<Response>(context, node.settings.offsetsCommitTimeoutMs, made, (reply) => {
    const settle = (groupId: string, errorCode: ErrorCode): void => {
      errors.set(groupId, errorCode)
      if (errors.size === groupIds.length) reply(made())
    }
    if (groupIds.length === 0) reply(made())
    for (const groupId of groupIds) {
      const found = node.coordination.find(groupId)
      if (found._tag === "refused") settle(groupId, found.errorCode)
      else found.coordinator.deleteGroup(groupId, nowMs, (error) => settle(groupId, error))
    }
  })
}

/** Within a partition Kafka tells first of those that are not there (seen in 4.3.1). */
function unknownFirst(
  node: NodeView,
  groupIds: ReadonlyArray<string>,
  errors: ReadonlyMap<string, ErrorCode>,
): ReadonlyArray<string> {
  const { partitionCount } = node.coordination
  const places = new Map<number, number>()
  for (const groupId of groupIds) {
    const partition = groupPartition(groupId, partitionCount)
    if (!places.has(partition)) places.set(partition, places.size)
  }
  const rank = (groupId: string): number => {
    const place = places.get(groupPartition(groupId, partitionCount)) ?? 0
    return 2 * place + (errors.get(groupId) === ErrorCode.GROUP_ID_NOT_FOUND ? 0 : 1)
  }
  return groupIds.toSorted((a, b) => rank(a) - rank(b))
}
