/**
 * broker.json: a flat object of strings that says who a broker is, where it listens and whom it
 * knows, plus settings. Plain code without Effect: the supervisor writes these files before it
 * imports anything.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs"
import { dirname } from "node:path"

export type BrokerJson = Readonly<Record<string, string>>

/**
 * A folder of one broker as the user wrote it, not as it should be. The message says which file and
 * what.
 */
export class BrokerJsonError extends Error {
  override readonly name = "BrokerJsonError"
}

export function readBrokerJson(path: string): BrokerJson {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"))
  } catch (error) {
    throw new BrokerJsonError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new BrokerJsonError(`${path}: expected a flat object of strings`)
  }
  const json: Record<string, string> = {}
  for (const [key, value] of Object.entries(parsed)) {
    if (typeof value !== "string") {
      throw new BrokerJsonError(`${path}: ${key} is ${JSON.stringify(value)}; expected a string`)
    }
    json[key] = value
  }
  return json
}

/** Atomic and durable: a crash leaves the old file or the new one. */
export function writeBrokerJson(path: string, json: BrokerJson): void {
  const draft = `${path}.new`
  const file = openSync(draft, "w", 0o644)
  try {
    writeSync(file, `${JSON.stringify(json, null, 2)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(draft, path)
  const folder = openSync(dirname(path), "r")
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** `host:port`, also `PLAINTEXT://host:port` and `[::1]:9092`. Undefined when it is neither. */
export function parseEndpoint(value: string): Endpoint | undefined {
  const match =
    /^(?:[A-Za-z][A-Za-z0-9_+.-]*:\/\/)?(\[[0-9A-Fa-f:.]+\]|[^[\]:/\s,@]+):(\d{1,5})$/.exec(
      value.trim(),
    )
  if (!match?.[1] || !match[2]) return undefined
  const port = Number(match[2])
  if (port > 65_535) return undefined
  return { host: match[1].replace(/^\[|\]$/g, ""), port }
}

export function formatEndpoint(endpoint: Endpoint): string {
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host
  return `${host}:${endpoint.port}`
}

/** `0@127.0.0.1:9092,1@…`; undefined when an item is not of that form. */
export function parsePeers(
  value: string,
): ReadonlyArray<Endpoint & { readonly nodeId: number }> | undefined {
  const peers: Array<Endpoint & { nodeId: number }> = []
  for (const item of listItems(value)) {
    const match = /^(\d{1,9})@(.+)$/.exec(item)
    const endpoint = match?.[2] === undefined ? undefined : parseEndpoint(match[2])
    if (match === null || endpoint === undefined) return undefined
    peers.push({ nodeId: Number(match[1]), ...endpoint })
  }
  return peers
}

/** A voter is a pair: the node id and the uuid of the disk that voted. */
export interface DiskPair {
  readonly nodeId: number
  readonly diskUuid: string
}

/** `0@uuid,1@uuid,…`, founders first; undefined when an item is not of that form. */
export function parseDiskUuids(value: string): ReadonlyArray<DiskPair> | undefined {
  const pairs: DiskPair[] = []
  for (const item of listItems(value)) {
    const match = /^(\d{1,9})@([0-9A-Za-z-]{1,64})$/.exec(item)
    if (!match?.[1] || !match[2]) return undefined
    pairs.push({ nodeId: Number(match[1]), diskUuid: match[2] })
  }
  return pairs
}

export function formatDiskUuids(pairs: ReadonlyArray<DiskPair>): string {
  return pairs.map((pair) => `${pair.nodeId}@${pair.diskUuid}`).join(",")
}

function listItems(value: string): ReadonlyArray<string> {
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
}
