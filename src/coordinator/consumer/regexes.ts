/**
 * Which regular expressions of a group must be matched against the topics' names again, and what
 * becomes of the group when that was done. Matching is an operation of its own after the one that
 * asked for it, as in Kafka: whoever joins by a pattern gets partitions at its next heartbeat.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { CoordinatorRecord } from "../ports.ts"
import { patternError } from "../subscription-pattern.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import type { GroupContext } from "./group-context.ts"
import * as recordOf from "./group-records.ts"
import { equalNames, regexOf } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { metadataHash } from "./metadata-hash.ts"
import { refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"
import { subscriptionsOf } from "./subscriptions.ts"

/** At least this long between two matchings for one group (Kafka: a constant). */
const refreshIntervalMinMs = 10_000

export interface RegexUpdate {
  /** `resolved`: the topics that the member is subscribed to are known to have changed. */
  readonly change: "none" | "updated" | "resolved"
  readonly records: ReadonlyArray<CoordinatorRecord>
  /** To be matched once the records are applied. */
  readonly unresolved: ReadonlyArray<string>
}

export function updateRegexes(
  context: GroupContext,
  before: ConsumerMember,
  updated: ConsumerMember,
): RegexUpdate | Refused {
  const { group } = context
  const counts = group.regexCounts
  const [old, wanted] = [regexOf(before), regexOf(updated)]
  if (before.subscribedTopicRegex === updated.subscribedTopicRegex) {
    return { change: "none", records: [], unresolved: unresolvedOf(context, counts, false) }
  }
  const isNew = wanted !== undefined && !counts.has(wanted)
  const error = isNew ? patternError(wanted) : undefined
  if (error !== undefined) {
    return refused(
      ErrorCode.INVALID_REGULAR_EXPRESSION,
      `SubscribedTopicRegex \`${wanted}\` is not a valid regular expression: ${error}.`,
    )
  }
  const isLast = old !== undefined && counts.get(old) === 1
  const records = isLast ? [recordOf.regularExpressionTombstone(group.groupId, old)] : []
  const isResolved =
    wanted === undefined ? old !== undefined : !isNew && group.resolvedRegexes.has(wanted)
  const after = moved(counts, old, wanted)
  // Kafka looks at what was subscribed to before this request: the last one that leaves asks
  // nothing.
  const unresolved = counts.size > 0 || isNew ? unresolvedOf(context, after, isNew) : []
  return { change: isResolved ? "resolved" : "updated", records, unresolved }
}

function moved(
  counts: ReadonlyMap<string, number>,
  from: string | undefined,
  to: string | undefined,
): ReadonlyMap<string, number> {
  const after = new Map(counts)
  if (from !== undefined) {
    const left = (after.get(from) ?? 1) - 1
    if (left > 0) after.set(from, left)
    else after.delete(from)
  }
  if (to !== undefined) after.set(to, (after.get(to) ?? 0) + 1)
  return after
}

function unresolvedOf(
  { group, host, newestTopics }: GroupContext,
  regexes: ReadonlyMap<string, number>,
  isNew: boolean,
): ReadonlyArray<string> {
  if (regexes.size === 0) return []
  const [last] = group.resolvedRegexes.values()
  const lastMs = last?.timestampMs ?? Number.NEGATIVE_INFINITY
  const wallMs = host.wallMs()
  if (wallMs <= lastMs + refreshIntervalMinMs) return []
  const isDue =
    isNew ||
    regexes.size !== group.resolvedRegexes.size ||
    (last?.version ?? 0) < newestTopics.version ||
    wallMs > lastMs + host.settings.groupConsumerRegexRefreshIntervalMs
  return isDue ? [...regexes.keys()] : []
}

/** Takes what was matched: the group's epoch moves if the topics of a regex changed. */
export function resolveRegexes(
  { group, host }: GroupContext,
  matched: ReadonlyMap<string, ReadonlyArray<string>>,
  /** Of the image whose names were matched. */
  version: number,
): ReadonlyArray<CoordinatorRecord> {
  const records: CoordinatorRecord[] = []
  const resolved = new Map(group.resolvedRegexes)
  let isChanged = false
  for (const [regex, topics] of matched) {
    if (!group.regexCounts.has(regex)) continue
    const known = group.resolvedRegexes.get(regex)?.topics ?? []
    isChanged ||= !equalNames(known, topics)
    const value = { topics, version, timestampMs: host.wallMs() }
    resolved.set(regex, value)
    records.push(recordOf.regularExpression(group.groupId, regex, value))
  }
  if (records.length === 0) return []
  const { topicNames } = subscriptionsOf(group.members.values(), resolved)
  const hash = metadataHash(topicNames, host.topics)
  if (isChanged || hash !== group.metadataHash) {
    records.push(recordOf.groupMetadata(group.groupId, group.groupEpoch + 1, hash))
  }
  return records
}

/** The regexes that nobody subscribes to once these members are gone. */
export function abandonedRegexes(
  group: ConsumerGroup,
  gone: ReadonlyArray<ConsumerMember>,
): string[] {
  let left = group.regexCounts
  for (const member of gone) left = moved(left, regexOf(member), undefined)
  return [...group.regexCounts.keys()].filter((regex) => !left.has(regex))
}
