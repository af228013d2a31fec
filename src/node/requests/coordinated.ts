/**
 * What the requests of groups have in common: who asks, answers that a coordinator gives later, and
 * the order in which Kafka answers for many groups.
 */
import type { RequestOrigin } from "../../coordinator/ports.ts"
import type { Leading } from "../coordination/coordination.ts"
import { groupsInOrder } from "../coordination/group-order.ts"
import { leadershipCheckMs, LeadershipCheck } from "./leadership-check.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

export const originOf = ({ nowMs, apiVersion, clientId, connection }: RequestContext) =>
  ({
    nowMs,
    apiVersion,
    clientId: clientId ?? "",
    clientHost: `/${connection.host}`,
  }) satisfies RequestOrigin

/**
 * `ask` is given where the answer goes: called at once or in a later turn, or never heard after the
 * time, when `late` answers.
 */
export function answerLater<Response extends object>(
  context: RequestContext,
  waitMs: number,
  late: () => Response,
  ask: (reply: (response: Response) => void) => void,
): Outcome {
  let response: Response | undefined
  let asking = true
  ask((made) => {
    response ??= made
    if (!asking) context.wake()
  })
  asking = false
  const wait: Outcome = {
    _tag: "wait",
    keys: [],
    deadlineMs: context.nowMs + waitMs,
    retry: (_nowMs, expired) => {
      if (response !== undefined) return answer(response)
      return expired ? answer(late()) : wait
    },
  }
  return wait.retry(context.nowMs, false)
}

/**
 * `respond` once it is known which of them still lead: a coordinator that was cut off or stood still
 * does not know that another one has gone on (hazard 31).
 */
export function answerConfirmed(
  context: RequestContext,
  leading: ReadonlyArray<Leading>,
  respond: (confirmed: (one: Leading) => boolean) => object,
): Outcome {
  const partitions = leading.map(({ partition }) => partition)
  const check = new LeadershipCheck(partitions, () => context.wake())
  const wait: Outcome = {
    _tag: "wait",
    keys: [],
    deadlineMs: context.nowMs + leadershipCheckMs,
    retry: (_nowMs, expired) =>
      check.done || expired ? answer(respond(({ partition }) => check.confirmed(partition))) : wait,
  }
  return wait.retry(context.nowMs, false)
}

/** In the order in which Kafka answers for them. */
export function inAnswerOrder(
  node: NodeView,
  groupIds: ReadonlyArray<string>,
): ReadonlyArray<string> {
  return groupsInOrder(groupIds, node.coordination.partitionCount)
}
