/**
 * Where varve answers otherwise than Kafka, and why. A difference that no entry covers fails the
 * tests, and so does an entry that covers none.
 */
import { alterConfigs } from "../../src/protocol/messages/alter-configs.ts"
import { createPartitions } from "../../src/protocol/messages/create-partitions.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"
import { heartbeat } from "../../src/protocol/messages/heartbeat.ts"
import { initProducerId } from "../../src/protocol/messages/init-producer-id.ts"
import { listConfigResources } from "../../src/protocol/messages/list-config-resources.ts"
import { listOffsets } from "../../src/protocol/messages/list-offsets.ts"
import { offsetFetch } from "../../src/protocol/messages/offset-fetch.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import type { Replayed } from "./replay.ts"

export interface KnownDifference {
  readonly key: number
  /** Of the question; every question of that API without one. */
  readonly note?: RegExp
  /** Of the golden questions, where the note does not tell them apart. */
  readonly seqs?: ReadonlyArray<number>
  /** Of the field; every field without one. */
  readonly path?: RegExp
  readonly reason: string
  /** The question builds on answers of an API that is not offered: it could not be put at all. */
  readonly unasked?: true
}

const transactions = "transactions are not served yet: there is none to write into or to read"
const transactionalId = "transactional ids have no coordinator yet"
const sessionless =
  "fetch sessions are answered sessionless: session id 0 (KIP-227 allows it), so none goes on"

export const knownDifferences: ReadonlyArray<KnownDifference> = [
  {
    key: fetch.key,
    note: /^a session begins|^the session goes on|^a session epoch out/,
    reason: sessionless,
  },
  {
    key: heartbeat.key,
    note: /^a group that is not there$/,
    seqs: [436, 458],
    reason:
      "Kafka's coordinator had not loaded its partition yet when this was recorded; asked again " +
      "it answers 25 as varve does",
  },
  {
    key: initProducerId.key,
    note: /^transactional$|^not the coordinator/,
    reason: transactionalId,
    unasked: true,
  },
  {
    key: findCoordinator.key,
    // The second time, the same question is about a transactional id.
    seqs: [817],
    reason: transactionalId,
    unasked: true,
  },
  { key: produce.key, note: /^in a transaction$|^KIP-890/, reason: transactions, unasked: true },
  {
    key: fetch.key,
    note: /^read committed(:| beside)|^read uncommitted$/,
    reason: transactions,
    unasked: true,
  },
  {
    key: fetch.key,
    note: /^150 bytes of one partition$|^200 bytes in all$/,
    path: /records$/,
    reason:
      "varve sends whole batches; Kafka cuts the last one off at the limit, and clients throw that " +
      "piece away",
  },
  {
    key: createPartitions.key,
    note: /^20,000, validate only$/,
    reason: "Kafka trips over its own limit (-1, no message); varve says 44 as CreateTopics does",
  },
  {
    key: alterConfigs.key,
    note: /^the same twice$/,
    reason: "Kafka trips over it and closes the connection; varve says 42 for that resource",
  },
  {
    key: listOffsets.key,
    note: /^after that: -3$/,
    path: /offset$/,
    reason:
      "Kafka names a record that was deleted, below the start of the log; varve the first one " +
      "with that timestamp that can be read",
  },
  { key: listOffsets.key, note: /^end, read committed$/, reason: transactions, unasked: true },
  {
    key: offsetFetch.key,
    note: /^stable, while a transaction holds offsets$/,
    reason: transactions,
    unasked: true,
  },
  {
    key: listConfigResources.key,
    path: /^configResources$/,
    reason: "__transaction_state is made with the first transactional id, and there is none yet",
  },
]

/** The entries that cover a question's differences; undefined while one is not covered. */
export function reasonsFor(
  { exchange, differences }: Replayed,
  known: ReadonlyArray<KnownDifference> = knownDifferences,
): ReadonlyArray<KnownDifference> | undefined {
  const about = known.filter(
    ({ key, note, seqs }) =>
      key === exchange.key &&
      (note === undefined || note.test(exchange.note)) &&
      (seqs === undefined || seqs.includes(exchange.seq)),
  )
  const found = differences.map(({ path: where }) =>
    about.find(({ path }) => path === undefined || path.test(where)),
  )
  const covered = found.filter((one) => one !== undefined)
  return covered.length === found.length ? [...new Set(covered)] : undefined
}
