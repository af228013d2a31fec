/**
 * What is free to differ between two clusters that both answer as Kafka does: times, ports, epochs
 * of leaders, placement, sizes, the words of messages, and the order of what Kafka keeps in a hash
 * table. Everything else is compared.
 */
import { consumerGroupDescribe } from "../../src/protocol/messages/consumer-group-describe.ts"
import { deleteTopics } from "../../src/protocol/messages/delete-topics.ts"
import { describeGroups } from "../../src/protocol/messages/describe-groups.ts"
import { describeLogDirs } from "../../src/protocol/messages/describe-log-dirs.ts"
import { describeQuorum } from "../../src/protocol/messages/describe-quorum.ts"
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"
import { joinGroup } from "../../src/protocol/messages/join-group.ts"
import { listConfigResources } from "../../src/protocol/messages/list-config-resources.ts"
import { listGroups } from "../../src/protocol/messages/list-groups.ts"
import { listOffsets } from "../../src/protocol/messages/list-offsets.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { shareGroupDescribe } from "../../src/protocol/messages/share-group-describe.ts"
import { withoutWhatBrokersWrite } from "./record-batches.ts"
import { fieldOf, isObject, mapped, textIn, type Plain } from "./values.ts"

export interface Question {
  readonly key: number
  readonly note: string
}

/** A number that only must be there: negative ones mean something. */
const some = (value: Plain): Plain => (Number(value) >= 0 ? "some" : value)

/** Field → what is compared of it, in every API. */
const everywhere: Readonly<Record<string, (value: Plain) => Plain>> = {
  // ApiVersions has a test of its own: varve offers what it serves.
  apiKeys: () => "what is offered",
  supportedFeatures: () => "what is offered",
  finalizedFeatures: () => "what is offered",
  finalizedFeaturesEpoch: () => "what is offered",
  clusterId: (value) => (value === "" || value === null ? value : "cluster"),
  controllerId: some,
  port: some,
  replicaNodes: (value) => (Array.isArray(value) ? value.length : value),
  isrNodes: (value) => (Array.isArray(value) ? value.length : value),
  transactionStartTimeMs: some,
  logAppendTimeMs: (value) => (Number(value) > 1_760_000_000_000 ? "now" : value),
  // Kafka's first epoch is 0; a raft term begins at 1 and differs from group to group.
  leaderEpoch: some,
  committedLeaderEpoch: some,
  epoch: some,
  errorMessage: (value) => (value === null ? null : "words"),
  message: (value) => (value === null ? null : "words"),
  batchIndexErrorMessage: (value) => (value === null ? null : "words"),
  documentation: (value) => (value === null ? null : "words"),
}

const textsIn = (value: Plain, fields: ReadonlyArray<string>): string =>
  fields.map((field) => textIn(value, field)).join(" ")

const byText =
  (...fields: ReadonlyArray<string>) =>
  (value: Plain) =>
    Array.isArray(value)
      ? value.toSorted((a, b) => {
          const [x, y] = [textsIn(a, fields), textsIn(b, fields)]
          return x < y ? -1 : x > y ? 1 : 0
        })
      : value

const byNumber = (field: string) => (value: Plain) =>
  Array.isArray(value)
    ? value.toSorted((a, b) => Number(fieldOf(a, field)) - Number(fieldOf(b, field)))
    : value

const byWhole = (value: Plain): Plain =>
  Array.isArray(value)
    ? value
        .map((one) => ({ one, text: JSON.stringify(one) }))
        .toSorted((a, b) => (a.text < b.text ? -1 : 1))
        .map(({ one }) => one)
    : value

/** A group that nobody has may belong to the broker asked (69) or to another one (16). */
const elsewhere = (value: Plain): Plain =>
  Array.isArray(value)
    ? value.map((group: Plain) =>
        isObject(group) && (group["errorCode"] === 16 || group["errorCode"] === 69)
          ? { ...group, errorCode: "not here", errorMessage: "words" }
          : group,
      )
    : value

type Changes = Readonly<Record<string, (value: Plain) => Plain>>

/** `API key.field` → what Kafka keeps in hash tables, by name. */
const byName: Changes = {
  [`${metadata.key}.topics`]: byText("name"),
  [`${listGroups.key}.groups`]: byText("groupId"),
  [`${describeLogDirs.key}.topics`]: byText("name"),
  [`${produce.key}.responses`]: byText("name", "topicId"),
  [`${produce.key}.partitionResponses`]: byNumber("index"),
  [`${listOffsets.key}.topics`]: byText("name"),
  [`${listOffsets.key}.partitions`]: byNumber("partitionIndex"),
}

/** `API key.field` → what is compared of it; looked at after the fields inside. */
const inApi: Changes = {
  ...byName,
  // Any broker may lead the partition that a group belongs to.
  [`${findCoordinator.key}.nodeId`]: some,
  // Kafka shuffles these on purpose.
  [`${deleteTopics.key}.responses`]: byWhole,
  [`${listConfigResources.key}.configResources`]: byWhole,
  [`${consumerGroupDescribe.key}.members`]: byText("memberId"),
  [`${describeGroups.key}.members`]: byText("memberId"),
  [`${joinGroup.key}.members`]: byText("memberId"),
  [`${consumerGroupDescribe.key}.groups`]: elsewhere,
  [`${shareGroupDescribe.key}.groups`]: elsewhere,
  [`${describeLogDirs.key}.logDir`]: () => "folder",
  [`${describeLogDirs.key}.partitionSize`]: some,
  [`${describeLogDirs.key}.totalBytes`]: some,
  [`${describeLogDirs.key}.usableBytes`]: some,
  [`${describeQuorum.key}.leaderId`]: some,
  [`${describeQuorum.key}.highWatermark`]: some,
  [`${describeQuorum.key}.logEndOffset`]: some,
  [`${describeQuorum.key}.lastFetchTimestamp`]: some,
  [`${describeQuorum.key}.lastCaughtUpTimestamp`]: some,
  // Kafka leaves it zero where the quorum is configured and not discovered (KIP-853).
  [`${describeQuorum.key}.replicaDirectoryId`]: () => "directory",
}

/** Which brokers hold a topic that nobody placed by hand is free, and so is who leads. */
const placed = new Set(["one known, from version 4 one unknown", "by id", "ordinary"])

/** The answer, less what is free to differ. */
export function compared(answer: Plain, { key, note }: Question): Plain {
  const inner = mapped(answer, (name, value) => {
    if (value instanceof Uint8Array) {
      return name === "records" ? withoutWhatBrokersWrite(value).toString("hex") : value
    }
    if (name === "leaderId" && key === metadata.key && !placed.has(note)) return some(value)
    if (Array.isArray(value) && !(name in everywhere)) return value
    return everywhere[name]?.(value) ?? value
  })
  return changedInside(inner, inApi, key, "")
}

/** The same answer, its hash tables by name: so that ids stand at the same place of two answers. */
export const arranged = (answer: Plain, { key }: Pick<Question, "key">): Plain =>
  changedInside(answer, byName, key, "")

/** From the inside out, so that what is sorted as a whole is sorted by what is compared. */
function changedInside(value: Plain, changes: Changes, key: number, name: string): Plain {
  let inner: Plain = value
  if (Array.isArray(value)) inner = value.map((one) => changedInside(one, changes, key, ""))
  else if (isObject(value)) {
    inner = Object.fromEntries(
      Object.entries(value).map(([field, one]) => [field, changedInside(one, changes, key, field)]),
    )
  }
  const change = changes[`${key}.${name}`]
  return change === undefined ? inner : change(inner)
}
