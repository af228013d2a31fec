/**
 * The questions that Apache Kafka 4.3.1 was asked (this folder), put in the same order to a
 * simulated cluster of three brokers, for the APIs that varve serves. Answers are compared decoded.
 * Free to differ: ids, epochs, times, placement, the words of messages. Not free: codes, nullness,
 * order, defaults; what differs there stands in `accepted` with its reason, and the test fails when
 * a difference listed there no longer exists.
 */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { apiByKey } from "../../src/protocol/apis.ts"
import { decodeRequest, decodeResponse } from "../../src/protocol/codec.ts"
import { decodeRequestHeader, decodeResponseHeader } from "../../src/protocol/header.ts"
import { advertisedApis } from "../../src/node/node.ts"
import { apiVersions } from "../../src/protocol/messages/api-versions.ts"
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { Reader } from "../../src/protocol/reader.ts"
import type { Api } from "../../src/protocol/schema.ts"
import { zeroUuid } from "../../src/protocol/uuid.ts"
import { World } from "../support/world.ts"

interface Exchange {
  readonly seq: number
  readonly key: number
  readonly version: number
  readonly node: number
  readonly note: string
  readonly response: object | "closed" | "none"
  readonly requestHex: string
  readonly responseHex?: string
}

const served = [
  "ApiVersions",
  "DescribeCluster",
  "CreateTopics",
  "Metadata",
  "DescribeTopicPartitions",
  "CreatePartitions",
  "Produce",
  "Fetch",
  "ListOffsets",
  "OffsetForLeaderEpoch",
  "InitProducerId",
  "FindCoordinator",
  "DeleteTopics",
  "AlterPartitionReassignments",
  "ListPartitionReassignments",
]

const noTransactions =
  "transactions are not served yet: no coordinator, no markers, no last stable offset of its own"
const noCoordinator = "transactional ids have no coordinator yet"
const sessionless =
  "fetch sessions are answered sessionless: session id 0 (KIP-227 allows it), so none goes on"

/** By sequence number, or by note. */
const accepted: ReadonlyArray<{
  readonly of: (exchange: Exchange) => boolean
  readonly reason: string
}> = [
  {
    of: ({ note }) => /^a session begins|^the session goes on|^a session epoch out/.test(note),
    reason: sessionless,
  },
  {
    of: ({ key, note }) => key === 22 && /^transactional$|^not the coordinator/.test(note),
    reason: noTransactions,
  },
  {
    of: ({ key, note }) => key === 0 && /in a transaction|KIP-890/.test(note),
    reason: noTransactions,
  },
  {
    of: ({ key, note }) => key === 1 && /^read committed(:| beside)|^read uncommitted/.test(note),
    reason: noTransactions,
  },
  { of: ({ note }) => note === "end, read committed", reason: noTransactions },
  { of: ({ key, seq }) => key === 10 && seq === 817, reason: noCoordinator },
  {
    of: ({ note }) => note === "below the log start",
    reason: "DeleteRecords is not served yet, nothing moves the log start",
  },
]

const exchanges: ReadonlyArray<Exchange> = served
  .flatMap((name) =>
    readFileSync(join(import.meta.dir, `${name}.jsonl`), "utf8")
      .trimEnd()
      .split("\n")
      .map((line): Exchange => JSON.parse(line)),
  )
  .toSorted((a, b) => a.seq - b.seq)

type Plain = unknown

const isObject = (value: Plain): value is Record<string, Plain> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array)

/**
 * Every value of the message, with the name of its field; a replacement is not looked into again.
 */
function mapped(value: Plain, name: string, change: (name: string, value: Plain) => Plain): Plain {
  const changed = change(name, value)
  if (changed !== value) return changed
  if (Array.isArray(value)) return value.map((element) => mapped(element, name, change))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, mapped(inner, key, change)]),
  )
}

/** Recorded ids → ours, learned from answers that tell both name and id. */
class Ids {
  readonly #ours = new Map<string, string>()

  learn(recorded: Plain, ours: Plain): void {
    if (Array.isArray(recorded) && Array.isArray(ours)) {
      for (let i = 0; i < recorded.length; i++) this.learn(recorded[i], ours[i])
    } else if (isObject(recorded) && isObject(ours)) {
      const { topicId } = recorded
      if (
        typeof topicId === "string" &&
        typeof ours["topicId"] === "string" &&
        topicId !== zeroUuid
      ) {
        if (recorded["name"] === ours["name"]) this.#ours.set(topicId, ours["topicId"])
      }
      for (const key of Object.keys(recorded)) this.learn(recorded[key], ours[key])
    }
  }

  translate(body: Plain): Plain {
    return mapped(body, "", (name, value) =>
      name === "topicId" && typeof value === "string" ? (this.#ours.get(value) ?? value) : value,
    )
  }
}

const recordsOf = (value: Uint8Array): string => {
  // Bytes 12–15 of the only batch: the leader epoch, which is a raft term here.
  const bytes = Buffer.from(value)
  for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    bytes.writeInt32BE(0, at + 12)
  }
  return bytes.toString("hex")
}

const offered = ["apiKeys", "supportedFeatures", "finalizedFeatures", "finalizedFeaturesEpoch"]

/** Both sides, less what is free to differ. */
function normal(value: Plain, exchange: Exchange): Plain {
  return mapped(value, "", (name, inner) => {
    if (inner instanceof Uint8Array) return recordsOf(inner)
    // No feature is finalized here (transaction.version stays off, trap 49), so there is no epoch
    // of them either.
    if (offered.includes(name)) return "what is offered"
    if (name === "topicId") return inner === zeroUuid ? inner : "id"
    if (name === "clusterId") return inner === "" ? inner : "cluster"
    if (name === "controllerId") return Number(inner) >= 0 ? 0 : -1
    if (/epoch$/i.test(name) && typeof inner === "number") return Math.min(inner, 0)
    if (name === "producerId") return Math.min(Number(inner), 0)
    if (name === "logAppendTimeMs") return Number(inner) > 1_760_000_000_000 ? "now" : inner
    if (/message$/i.test(name)) return inner === null ? null : "words"
    // Which brokers hold a topic without a manual assignment is free.
    if (/^(replicaNodes|isrNodes)$/.test(name) && Array.isArray(inner)) return inner.length
    if (name === "leaderId" && exchange.note === "all topics") return "some"
    // Any broker may lead the partition that a group belongs to.
    if (exchange.key === findCoordinator.key && /^(nodeId|port)$/.test(name)) {
      return Number(inner) >= 0 ? "some" : inner
    }
    if (name === "topics" && Array.isArray(inner) && exchange.note === "all topics") {
      const names = inner.map((topic) => (isObject(topic) ? String(topic["name"]) : ""))
      return names.toSorted()
    }
    // Kafka shuffles these on purpose.
    if (name === "responses" && exchange.key === 20 && Array.isArray(inner)) {
      return inner.map((one) => JSON.stringify(normal(one, { ...exchange, key: -1 }))).toSorted()
    }
    return inner
  })
}

function decoded(api: Api, exchange: Exchange): Plain {
  const { response, responseHex } = exchange
  if (typeof response === "string" || responseHex === undefined) return response
  const reader = new Reader(Buffer.from(responseHex, "hex"))
  decodeResponseHeader(api, exchange.version, reader)
  return decodeResponse(api, exchange.version, reader)
}

function ask(world: World, ids: Ids, api: Api, exchange: Exchange, tries = 50): Plain {
  const reader = new Reader(Buffer.from(exchange.requestHex, "hex"))
  decodeRequestHeader(reader)
  const body = ids.translate(decodeRequest(api, exchange.version, reader))
  // Kafka's first epoch is 0; a raft term begins at 1 and differs from group to group.
  const input = mapped(body, "", (name, value) =>
    (name === "currentLeaderEpoch" || name === "leaderEpoch") && value === 0
      ? epochOf(world, body)
      : value,
  )
  const asked = world.ask(exchange.node, api, exchange.version, isObject(input) ? input : {})
  if (exchange.response === "none") world.run(200)
  else world.runUntil(() => asked.answer !== undefined, 30_000, `${api.name}: ${exchange.note}`)
  // Asked again until the topic of the coordinators is there, as it was when this was recorded.
  if (exchange.note === "until it is there" && tries > 1 && isNotAvailable(asked.answer)) {
    world.run(100)
    return ask(world, ids, api, exchange, tries - 1)
  }
  return asked.answer
}

const isNotAvailable = (answer: Plain): boolean =>
  isObject(answer) &&
  Array.isArray(answer["coordinators"]) &&
  answer["coordinators"].some((one: Plain) => isObject(one) && one["errorCode"] === 15)

/** The present epoch of the first partition that a request names. */
function epochOf(world: World, body: Plain): number {
  const topics = isObject(body) && Array.isArray(body["topics"]) ? body["topics"] : []
  const first: Plain = topics[0]
  if (!isObject(first)) return 1
  const image = world.node(0).image
  const name = first["topic"] ?? first["name"]
  const topic =
    image.topics.get(String(name === "" ? undefined : name)) ??
    image.topicsById.get(String(first["topicId"]))
  const info = topic?.partitions[0]
  return info === undefined ? 1 : world.node(0).leaderOf(info.group).term
}

describe("Kafka's recorded exchanges", () => {
  test("what is advertised has Kafka's own version ranges", () => {
    const exchange = exchanges.find(({ key }) => key === apiVersions.key)
    if (exchange === undefined) throw new Error("no ApiVersions was recorded")
    const theirs = decoded(apiVersions, exchange)
    const ranges = isObject(theirs) && Array.isArray(theirs["apiKeys"]) ? theirs["apiKeys"] : []
    for (const { key, minVersion, maxVersion } of advertisedApis) {
      expect(ranges).toContainEqual({ apiKey: key, minVersion, maxVersion })
    }
  })

  test("have been put in order to three brokers", () => {
    const world = new World({ seed: 42, settings: { defaultReplicationFactor: 3 } })
      .startAll()
      .untilReady()
    const ids = new Ids()
    const differences: string[] = []
    const stale = new Set(accepted.map(({ reason }) => reason))
    let compared = 0
    for (const exchange of exchanges) {
      const api = apiByKey(exchange.key)
      if (api === undefined) throw new Error(`no API ${exchange.key}`)
      const excuse = accepted.find(({ of }) => of(exchange))
      const theirs = decoded(api, exchange)
      const ours = ask(world, ids, api, exchange)
      ids.learn(theirs, ours)
      const same = Bun.deepEquals(normal(ours, exchange), normal(theirs, exchange))
      if (excuse !== undefined) {
        if (!same) stale.delete(excuse.reason)
        continue
      }
      compared++
      if (same) continue
      differences.push(
        `${exchange.seq} ${api.name} v${exchange.version} (${exchange.note})\n` +
          `  kafka ${JSON.stringify(normal(theirs, exchange)).slice(0, 600)}\n` +
          `  varve ${JSON.stringify(normal(ours, exchange)).slice(0, 600)}`,
      )
    }
    expect(differences.join("\n")).toBe("")
    expect([...stale]).toEqual([])
    expect(compared).toBeGreaterThan(350)
    expect(world.call(0, metadata, 12, { topics: [] }).brokers.length).toBe(3)
  })
})
