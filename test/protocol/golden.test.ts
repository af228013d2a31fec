/**
 * What Apache Kafka 4.3.1 sent and was sent (test/golden, one file per API), both ways: the bytes
 * decode to what the recording says, and encode back to the same bytes.
 */
import { describe, expect, test } from "bun:test"
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { apiByKey } from "../../src/protocol/apis.ts"
import { decodeRequest, decodeResponse } from "../../src/protocol/codec.ts"
import { defaultOf } from "../../src/protocol/defaults.ts"
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
} from "../../src/protocol/header.ts"
import { Reader } from "../../src/protocol/reader.ts"
import type { Api, Field, Fields } from "../../src/protocol/schema.ts"

interface Exchange {
  readonly seq: number
  readonly key: number
  readonly version: number
  readonly note: string
  readonly request: object
  readonly requestHex: string
  /** "closed": Kafka hung up. "none": acks=0 has no answer. */
  readonly response: object | "closed" | "none"
  readonly responseHex: string
}

const folder = join(import.meta.dir, "../golden")
const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"))
const exchangesOf = (file: string): ReadonlyArray<Exchange> =>
  readFileSync(join(folder, file), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

/** The recording by Kafka's field names → a decoded message: bytes from hex, defaults filled in. */
const expected = (fields: Fields, recorded: object): object => {
  const known = Object.entries(fields).map(([key, field]) => {
    const name = Object.keys(recorded).find((n) => n[0]?.toLowerCase() + n.slice(1) === key)
    const value = name === undefined ? undefined : Reflect.get(recorded, name)
    return [key, value === undefined ? defaultOf(field) : expectedValue(field, value)]
  })
  const unknown = Object.keys(recorded).filter((n) => !(n[0]?.toLowerCase() + n.slice(1) in fields))
  expect(unknown).toEqual([])
  return Object.fromEntries(known)
}

const expectedValue = (field: Field, value: unknown): unknown => {
  if (value === null) return null
  switch (field.type._tag) {
    case "struct":
      return expected(field.type.fields, Object(value))
    case "array": {
      const { element } = field.type
      if (!Array.isArray(value)) throw new Error("an array was recorded as something else")
      return typeof element === "string" ? value : value.map((one) => expected(element, one))
    }
    default: {
      const inHex = field.type.plain === "bytes" || field.type.plain === "records"
      return inHex && typeof value === "string" ? Buffer.from(value, "hex") : value
    }
  }
}

const frameHex = (parts: ReadonlyArray<Uint8Array>): string => {
  const frame = Buffer.concat(parts)
  expect(frame.readInt32BE(0)).toBe(frame.length - 4)
  return frame.toString("hex", 4)
}

const checkRequest = (api: Api, exchange: Exchange): void => {
  const reader = new Reader(Buffer.from(exchange.requestHex, "hex"))
  const header = decodeRequestHeader(reader)
  expect(header.apiKey).toBe(exchange.key)
  expect(header.apiVersion).toBe(exchange.version)
  expect(header.clientId).toBe("golden")
  const body: object = decodeRequest(api, exchange.version, reader)
  expect(body).toEqual(expected(api.request, exchange.request))
  expect(frameHex(encodeRequestFrame(api, header, body))).toBe(exchange.requestHex)
}

const checkResponse = (api: Api, exchange: Exchange): void => {
  if (typeof exchange.response === "string") return expect(exchange.responseHex).toBeFalsy()
  // ApiVersions at a version that Kafka lacks is answered in version 0.
  const asked = exchange.version
  const version = asked > api.versions[1] ? 0 : asked
  const reader = new Reader(Buffer.from(exchange.responseHex, "hex"))
  const correlationId = decodeResponseHeader(api, version, reader)
  const body: object = decodeResponse(api, version, reader)
  expect(body).toEqual(expected(api.response, exchange.response))
  expect(frameHex(encodeResponseFrame(api, version, correlationId, body))).toBe(
    exchange.responseHex,
  )
}

describe("recorded exchanges with Kafka 4.3.1", () => {
  let count = 0
  for (const file of files) {
    test(file, () => {
      for (const exchange of exchangesOf(file)) {
        const api = apiByKey(exchange.key)
        if (api === undefined) throw new Error(`no API with the key ${exchange.key}`)
        expect(`${api.name}.jsonl`).toBe(file)
        try {
          checkRequest(api, exchange)
          checkResponse(api, exchange)
        } catch (error) {
          const { seq, version, note } = exchange
          throw new Error(`seq ${seq} v${version}: ${note}\n${String(error)}`, { cause: error })
        }
        count++
      }
    })
  }

  test("all 1,063 of them", () => expect(count).toBe(1063))
})
