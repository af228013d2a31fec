/**
 * CreateTopics, CreatePartitions, DeleteTopics: decided by the metadata leader wherever it is,
 * answered once this broker has applied the decision too and, for new partitions, their leaders had
 * a short chance to be elected (clients ask for metadata at once and give up on
 * LEADER_NOT_AVAILABLE, trap 51).
 */
import type { PartitionInfo } from "../../cluster/image.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { createPartitions } from "../../protocol/messages/create-partitions.ts"
import type { createTopics } from "../../protocol/messages/create-topics.ts"
import type { deleteTopics } from "../../protocol/messages/delete-topics.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { metadataKey } from "../waiting.ts"
import type { ControllerResult, NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

/** How long an answer is held back for elections. */
const electionWaitMs = 1000
export const timedOutMessage = "The metadata leader did not answer in time."

interface Question {
  readonly apiKey: number
  /** In which the metadata leader is asked; undefined: the client's. */
  readonly apiVersion?: number
  readonly body: object
  readonly timeoutMs: number
  /** What the client hears when nobody decided. */
  readonly timedOut: () => object
  /** Topics whose partitions should be led before the answer goes. */
  readonly topics: () => ReadonlyArray<string>
  /** Whether what was decided has come about; asked instead of `topics`, up to the time-out. */
  readonly arrived?: (response: object) => boolean
  /** What the client hears of the decision; undefined: the decision's own response. */
  readonly finish?: (response: object) => object
}

const noTopics = (): ReadonlyArray<string> => []

function allLed(node: NodeView, names: ReadonlyArray<string>): boolean {
  const led = (info: PartitionInfo) => node.leaderOf(info.group).leader !== -1
  return names.every((name) => node.image.topics.get(name)?.partitions.every(led) ?? true)
}

/** Asked of the metadata leader, and answered when this broker has applied what it decided. */
export function decide(question: Question, context: RequestContext): Outcome {
  const deadlineMs = context.nowMs + Math.max(0, question.timeoutMs)
  let result: ControllerResult | undefined
  let settled = false
  const { apiKey, body } = question
  const apiVersion = question.apiVersion ?? context.apiVersion
  context.node.decide({ apiKey, apiVersion, body, deadlineMs }, (made) => {
    result = made
    if (settled) context.wake()
  })
  const waitForLeaders = (response: object, untilMs: number): Outcome => {
    const retry = (_nowMs: number, expired: boolean): Outcome => {
      const arrived = question.arrived?.(response) ?? allLed(context.node, question.topics())
      if (expired || arrived) return answer(question.finish?.(response) ?? response)
      return { _tag: "wait", keys: [metadataKey], deadlineMs: untilMs, retry }
    }
    return retry(0, false)
  }
  const next = (nowMs: number, expired: boolean): Outcome => {
    if (result?._tag === "decided") {
      const waitMs = question.arrived === undefined ? electionWaitMs : deadlineMs - nowMs
      return waitForLeaders(result.response, Math.min(deadlineMs, nowMs + waitMs))
    }
    if (result?._tag === "timedOut" || expired) return answer(question.timedOut())
    return { _tag: "wait", keys: [], deadlineMs, retry: next }
  }
  settled = true
  return next(context.nowMs, false)
}

export function handleCreateTopics(
  request: RequestOf<typeof createTopics>,
  context: RequestContext,
): Outcome {
  const timedOut = (): ResponseInput<typeof createTopics> => ({
    topics: request.topics.map(({ name }) => ({
      name,
      errorCode: ErrorCode.REQUEST_TIMED_OUT,
      errorMessage: timedOutMessage,
      configs: [],
    })),
  })
  const topics = () => (request.validateOnly ? [] : request.topics.map(({ name }) => name))
  return decide(
    { apiKey: 19, body: request, timeoutMs: request.timeoutMs, timedOut, topics },
    context,
  )
}

export function handleCreatePartitions(
  request: RequestOf<typeof createPartitions>,
  context: RequestContext,
): Outcome {
  const timedOut = (): ResponseInput<typeof createPartitions> => ({
    results: request.topics.map(({ name }) => ({
      name,
      errorCode: ErrorCode.REQUEST_TIMED_OUT,
      errorMessage: timedOutMessage,
    })),
  })
  const topics = () => (request.validateOnly ? [] : request.topics.map(({ name }) => name))
  return decide(
    { apiKey: 37, body: request, timeoutMs: request.timeoutMs, timedOut, topics },
    context,
  )
}

export function handleDeleteTopics(
  request: RequestOf<typeof deleteTopics>,
  context: RequestContext,
): Outcome {
  const asked: ReadonlyArray<{ readonly name: string | null; readonly topicId?: string }> =
    context.apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name }))
  const allFailed = (errorCode: number, errorMessage: string) =>
    ({
      responses: asked.map((topic) => ({ ...topic, errorCode, errorMessage })),
    }) satisfies ResponseInput<typeof deleteTopics>
  if (context.node.brokerSettings.value("delete.topic.enable")?.trim().toLowerCase() === "false") {
    const { INVALID_REQUEST, TOPIC_DELETION_DISABLED } = ErrorCode
    const errorCode = context.apiVersion < 3 ? INVALID_REQUEST : TOPIC_DELETION_DISABLED
    return answer(allFailed(errorCode, "Topic deletion is disabled."))
  }
  const timedOut = () => allFailed(ErrorCode.REQUEST_TIMED_OUT, timedOutMessage)
  return decide(
    { apiKey: 20, body: request, timeoutMs: request.timeoutMs, timedOut, topics: noTopics },
    context,
  )
}
