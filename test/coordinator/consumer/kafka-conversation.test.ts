import { beforeAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { GroupCoordinator } from "../../../src/coordinator/group-coordinator.ts"
import type { RequestOrigin } from "../../../src/coordinator/ports.ts"
import { decodeResponse, encodeResponse } from "../../../src/protocol/codec.ts"
import { consumerGroupDescribe } from "../../../src/protocol/messages/consumer-group-describe.ts"
import { consumerGroupHeartbeat } from "../../../src/protocol/messages/consumer-group-heartbeat.ts"
import { describeGroups } from "../../../src/protocol/messages/describe-groups.ts"
import { heartbeat } from "../../../src/protocol/messages/heartbeat.ts"
import { joinGroup } from "../../../src/protocol/messages/join-group.ts"
import { leaveGroup } from "../../../src/protocol/messages/leave-group.ts"
import { offsetCommit } from "../../../src/protocol/messages/offset-commit.ts"
import { syncGroup } from "../../../src/protocol/messages/sync-group.ts"
import { Reader } from "../../../src/protocol/reader.ts"
import type { Api, RequestInput, ResponseInput } from "../../../src/protocol/schema.ts"
import { Writer } from "../../../src/protocol/writer.ts"
import { asReceived } from "../as-received.ts"
import { ConsumerWorld } from "./consumer-world.ts"

/**
 * A conversation with Apache Kafka 4.3.1 (one broker, group.consumer.assignment.interval.ms=0 and
 * no initial rebalance delay): groups that change their protocol, static members, patterns, topics
 * that change. Ids that the broker gave stand as `<name>`; lists of members and topics are in no
 * order.
 */
type Line =
  | { readonly create: string; readonly id: string; readonly partitions: number }
  | { readonly grow: string; readonly partitions: number }
  | { readonly delete: string }
  | { readonly rest: number }
  | Exchange

interface Exchange {
  readonly note: string
  readonly key: number
  readonly version: number
  readonly request: Plain
  readonly answer: Plain
}

type Plain =
  | string
  | number
  | boolean
  | null
  | ReadonlyArray<Plain>
  | { readonly [k: string]: Plain }

const path = join(import.meta.dir, "kafka-conversation.jsonl")
const lines = readFileSync(path, "utf8")
  .trim()
  .split("\n")
  .map((line): Line => JSON.parse(line))

type Ask<A extends Api> = (
  coordinator: GroupCoordinator,
  request: ReturnType<typeof asReceived<A>>,
  origin: RequestOrigin,
  reply: (response: ResponseInput<A>) => void,
) => void

interface Asked {
  readonly key: number
  readonly put: (world: ConsumerWorld, version: number, request: Plain) => Plain
}

const asked = <A extends Api>(api: A, ask: Ask<A>): Asked => ({
  key: api.key,
  put: (world, version, request) => {
    const origin = world.origin({ apiVersion: version, clientId: "golden" })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- recorded of this very API
    const received = asReceived(api, version, toBytes(request) as RequestInput<A>)
    let answer: Plain = "none"
    ask(world.coordinator, received, origin, (response) => {
      const writer = new Writer()
      encodeResponse(api, version, response, writer)
      answer = toPlain(decodeResponse(api, version, new Reader(writer.concat())))
    })
    world.settle()
    return answer
  },
})

const apis = new Map(
  [
    asked(consumerGroupHeartbeat, (to, ...rest) => to.consumerGroupHeartbeat(...rest)),
    asked(joinGroup, (to, ...rest) => to.joinGroup(...rest)),
    asked(syncGroup, (to, ...rest) => to.syncGroup(...rest)),
    asked(heartbeat, (to, ...rest) => to.heartbeat(...rest)),
    asked(leaveGroup, (to, ...rest) => to.leaveGroup(...rest)),
    asked(offsetCommit, (to, ...rest) => to.offsetCommit(...rest)),
    asked(describeGroups, (to, { groups }, origin, reply) =>
      reply({ groups: groups.map((group) => to.describeGroup(group, origin)) }),
    ),
    asked(consumerGroupDescribe, (to, { groupIds }, origin, reply) =>
      reply({ groups: groupIds.map((group) => to.describeConsumerGroup(group, origin)) }),
    ),
  ].map((one) => [one.key, one] as const),
)

/** Bytes stand as `0x…`. */
function toBytes(value: Plain): unknown {
  if (typeof value === "string") {
    return value.startsWith("0x") ? Buffer.from(value.slice(2), "hex") : value
  }
  return mapped(value, toBytes)
}

function toPlain(value: unknown): Plain {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- decoded, without bytes
  return mapped(value as Plain, toPlain) as Plain
}

function mapped(value: Plain, map: (value: Plain) => unknown): unknown {
  if (Array.isArray(value)) return value.map((one: Plain) => map(one))
  if (value === null || typeof value !== "object") return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, map(one)]))
}

/** Lists of structs in one order, whatever theirs was. */
function unordered(value: Plain): unknown {
  const inner = mapped(value, unordered)
  if (!Array.isArray(inner)) return inner
  const isOfStructs = inner.every((one) => typeof one === "object")
  return isOfStructs
    ? inner.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    : inner
}

function memberIdIn(answer: Plain): string {
  const isStruct = typeof answer === "object" && answer !== null && "memberId" in answer
  const memberId = isStruct ? answer["memberId"] : undefined
  return typeof memberId === "string" ? memberId : ""
}

class Conversation {
  readonly #world = new ConsumerWorld({ groupConsumerAssignmentIntervalMs: 0 })
  /** Ids as they were given here → as they stand in the recording. */
  readonly #names = new Map<string, string>()

  /** What Kafka answered and what was answered here, both in our ids' places. */
  go(line: Line): { readonly kafka: unknown; readonly varve: unknown } | undefined {
    const world = this.#world
    if ("key" in line) return this.#ask(line)
    if ("rest" in line) world.pass(line.rest)
    else if ("create" in line) world.topics.put(line.create, line.id, line.partitions)
    else if ("grow" in line) world.topics.grow(line.grow, line.partitions)
    else world.topics.delete(line.delete)
    if (!("rest" in line)) world.coordinator.topicsChanged(world.nowMs)
    return undefined
  }

  #ask({ key, version, request, answer }: Exchange) {
    const given = apis.get(key)?.put(this.#world, version, this.#rename(request, true)) ?? "none"
    const named = memberIdIn(answer)
    if (named.startsWith("<")) this.#names.set(memberIdIn(given), named)
    return { kafka: unordered(answer), varve: unordered(this.#rename(given, false)) }
  }

  #rename(value: Plain, toOurs: boolean): Plain {
    let text = JSON.stringify(value)
    for (const [ours, named] of this.#names) {
      text = toOurs ? text.replaceAll(named, ours) : text.replaceAll(ours, named)
    }
    return JSON.parse(text)
  }
}

/**
 * While a group rebalances Kafka shows what its members were to have when it left the consumer
 * protocol, we what they have (src/coordinator/consumer/DESIGN.md).
 */
function withoutFreedoms(value: unknown): unknown {
  const text = JSON.stringify(value)
  const isRebalancing = text.includes('"PreparingRebalance"') || text.includes('"CompletingRebal')
  return isRebalancing ? text.replaceAll(/"memberAssignment":"0x[0-9a-f]*"/g, "") : value
}

describe("a conversation that Kafka had", () => {
  const told: Array<ReturnType<Conversation["go"]>> = []

  beforeAll(() => {
    const conversation = new Conversation()
    for (const line of lines) told.push(conversation.go(line))
  })

  for (const [at, line] of lines.entries()) {
    if (!("note" in line)) continue
    test(`${at}: ${line.note}`, () => {
      expect(withoutFreedoms(told[at]?.varve)).toEqual(withoutFreedoms(told[at]?.kafka))
    })
  }
})
