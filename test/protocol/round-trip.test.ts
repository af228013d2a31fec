/**
 * For every API, version and side: what is encoded decodes to the same, and encodes to the same
 * again.
 */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { allApis } from "../../src/protocol/apis.ts"
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../src/protocol/codec.ts"
import { Reader } from "../../src/protocol/reader.ts"
import type { Api } from "../../src/protocol/schema.ts"
import { Writer } from "../../src/protocol/writer.ts"
import { completed, messageArbitrary } from "./message-arbitrary.ts"

const runs = 12

/** Record data of a version that cannot be null must be given: its default is null. */
const withRecords = (api: Api, version: number, input: object): object =>
  api.name === "ShareFetch" && version > 0 ? fillShareRecords(input) : input

const fillShareRecords = (input: object): object => {
  const responses: unknown = Reflect.get(input, "responses")
  if (!Array.isArray(responses)) return input
  const filled = responses.map((topic: { partitions?: ReadonlyArray<object> }) => ({
    ...topic,
    partitions: topic.partitions?.map((one) => ({ records: new Uint8Array(0), ...one })) ?? [],
  }))
  return { ...input, responses: filled }
}

const sides = [
  { name: "request", encode: encodeRequest, decode: decodeRequest },
  { name: "response", encode: encodeResponse, decode: decodeResponse },
] as const

for (const { name: side, encode, decode } of sides) {
  describe(`round trip of every ${side}`, () => {
    for (const api of allApis) {
      test(api.name, () => {
        const [first, last] = api.versions
        for (let version = first; version <= last; version++) {
          fc.assert(
            fc.property(messageArbitrary(api[side], version), (given) => {
              const input = withRecords(api, version, given)
              const bytes = encoded(encode, api, version, input)
              const decoded: object = decode(api, version, new Reader(bytes))
              expect(decoded).toEqual(completed(api[side], input, version))
              expect(encoded(encode, api, version, decoded)).toEqual(bytes)
            }),
            { numRuns: runs, seed: 1000 * api.key + version },
          )
        }
      })
    }
  })
}

const encoded = (
  encode: typeof encodeRequest,
  api: Api,
  version: number,
  input: object,
): Uint8Array => {
  const writer = new Writer(1)
  encode(api, version, input, writer)
  const { length } = writer
  const bytes = writer.concat()
  expect(bytes.length).toBe(length)
  return bytes
}
