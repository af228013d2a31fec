/** What Apache Kafka was asked and what it answered, as it lies in the golden files. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import {
  apiByKey,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  decodeResponseHeader,
  Reader,
  type Api,
} from "../../src/protocol/index.ts"
import { root } from "../harness/target.ts"
import type { Plain } from "./values.ts"

/** One question and its answer; the body of either is in the hex, a whole frame but its length. */
export interface Exchange {
  /** The order in which the questions were put, over all files of a folder. */
  readonly seq: number
  readonly key: number
  readonly version: number
  /** The broker that was asked. */
  readonly node: number
  /** The cluster was given so long before the question. */
  readonly restMs?: number
  /** The answer came after that exchange: it was put while this question waited. */
  readonly until?: number
  readonly note: string
  readonly response: object | "closed" | "none"
  readonly requestHex: string
  readonly responseHex?: string
  /** ApiVersions alone: a version that the broker does not know is answered at version 0. */
  readonly answeredAtVersion?: number
}

const goldenFolder = join(root, "test", "golden")
/** Questions of our own, put to the same Kafka. */
export const ownFolder = join(goldenFolder, "own")

export function exchangesIn(folder: string): ReadonlyArray<Exchange> {
  const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"))
  const lines = files.flatMap((name) =>
    readFileSync(join(folder, name), "utf8").trimEnd().split("\n"),
  )
  return lines.map((line): Exchange => JSON.parse(line)).toSorted((a, b) => a.seq - b.seq)
}

/** Two runs, each on a fresh cluster: the golden questions, and our own. */
export const allRuns = (): ReadonlyArray<ReadonlyArray<Exchange>> =>
  [goldenFolder, ownFolder].map(exchangesIn)

export function apiOf({ key }: Pick<Exchange, "key">): Api {
  const api = apiByKey(key)
  if (api === undefined) throw new Error(`API ${key} is not declared`)
  return api
}

export function recordedRequest(exchange: Exchange): Plain {
  const reader = new Reader(Buffer.from(exchange.requestHex, "hex"))
  decodeRequestHeader(reader)
  return decodeRequest(apiOf(exchange), exchange.version, reader)
}

export function recordedAnswer(exchange: Exchange): Plain {
  const { response, responseHex } = exchange
  if (typeof response === "string" || responseHex === undefined) return response
  const api = apiOf(exchange)
  const version = exchange.answeredAtVersion ?? exchange.version
  const reader = new Reader(Buffer.from(responseHex, "hex"))
  decodeResponseHeader(api, version, reader)
  return decodeResponse(api, version, reader)
}
