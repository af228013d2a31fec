/** ConsumerGroupDescribe: groups of the new protocol (KIP-848), each with its own error. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { consumerGroupDescribe } from "../../protocol/messages/consumer-group-describe.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { groupOperations } from "./authorized-operations.ts"
import { answerConfirmed, inAnswerOrder, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"

type Response = ResponseInput<typeof consumerGroupDescribe>
type GroupAnswer = NonNullable<Response["groups"]>[number]

const failed = (groupId: string, errorCode: ErrorCode): GroupAnswer => ({
  errorCode,
  groupId,
  groupState: "",
  groupEpoch: 0,
  assignmentEpoch: 0,
  assignorName: "",
  members: [],
})

export function handleConsumerGroupDescribe(
  request: RequestOf<typeof consumerGroupDescribe>,
  context: RequestContext,
): Outcome {
  const { node } = context
  const empty = request.groupIds.filter((groupId) => groupId === "")
  const named = request.groupIds.filter((groupId) => groupId !== "")
  const asked = inAnswerOrder(node, named).map((groupId) => {
    return { groupId, found: node.coordination.find(groupId) }
  })
  const leading = asked.flatMap(({ found }) => (found._tag === "leading" ? [found] : []))
  const origin = originOf(context)
  return answerConfirmed(context, leading, (confirmed) => {
    const groups = asked.map(({ groupId, found }): GroupAnswer => {
      if (found._tag === "refused") return failed(groupId, found.errorCode)
      if (!confirmed(found)) return failed(groupId, ErrorCode.NOT_COORDINATOR)
      const described = found.coordinator.describeConsumerGroup(groupId, origin)
      if (!request.includeAuthorizedOperations || described.errorCode !== ErrorCode.NONE) {
        return described
      }
      return { ...described, authorizedOperations: groupOperations }
    })
    const nameless = empty.map((groupId) => failed(groupId, ErrorCode.INVALID_GROUP_ID))
    return { groups: [...nameless, ...groups] } satisfies Response
  })
}
