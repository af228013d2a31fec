import { describe, expect, test } from "bun:test"
import { DecodeError } from "../../src/protocol/errors.ts"
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
} from "../../src/protocol/header.ts"
import { apiVersions } from "../../src/protocol/messages/api-versions.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { offsetDelete } from "../../src/protocol/messages/offset-delete.ts"
import { Reader } from "../../src/protocol/reader.ts"

const header = (hex: string): { header: object; left: number } => {
  const reader = new Reader(Buffer.from(hex.replaceAll(" ", ""), "hex"))
  return { header: decodeRequestHeader(reader), left: reader.left }
}

const frame = (parts: ReadonlyArray<Uint8Array>): string => Buffer.concat(parts).toString("hex")

describe("request headers", () => {
  test("v1, and v2 with tagged fields: the client id is never compact", () => {
    const expected = { apiKey: 3, apiVersion: 8, correlationId: 1, clientId: "x" }
    expect(header("0003 0008 00000001 0001 78")).toEqual({ header: expected, left: 0 })
    expect(header("0003 0009 00000001 0001 78 00")).toEqual({
      header: { ...expected, apiVersion: 9 },
      left: 0,
    })
    expect(header("0003 0009 00000001 0001 78 01 05 01 aa")).toMatchObject({ left: 0 })
  })

  test("no client id", () => {
    expect(header("0003 0009 00000001 ffff 00")).toMatchObject({ header: { clientId: null } })
  })

  test("ApiVersions of a version from the future is readable as far as the header goes", () => {
    expect(header("0012 0063 00000007 0001 78 00 ffff")).toEqual({
      header: { apiKey: 18, apiVersion: 99, correlationId: 7, clientId: "x" },
      left: 2,
    })
  })

  test("an unknown API, a header cut short", () => {
    expect(() => header("0309 0000 00000001 ffff")).toThrow("no API has the key 777")
    expect(() => header("0003 0009 000000")).toThrow(DecodeError)
    expect(() => header("0003 0009 00000001 0009 78")).toThrow(DecodeError)
  })
})

describe("response headers", () => {
  test("v1 where the version is flexible", () => {
    expect(frame(encodeResponseFrame(metadata, 9, 5, {})).slice(8, 18)).toBe("0000000500")
    expect(frame(encodeResponseFrame(metadata, 8, 5, {})).slice(8, 18)).toBe("0000000500")
    const tail = (version: number): number =>
      frame(encodeResponseFrame(metadata, version, 5, {})).length / 2 - 4
    // Throttle, brokers, cluster id, controller, topics, operations; in 9 two empty tag sections.
    expect(tail(8)).toBe(4 + 4 + 4 + 2 + 4 + 4 + 4)
    expect(tail(9)).toBe(4 + 1 + 4 + 1 + 1 + 4 + 1 + 4 + 1)
  })

  test("ApiVersions: always v0", () => {
    const reply = Buffer.concat(encodeResponseFrame(apiVersions, 3, 5, { errorCode: 35 }))
    expect(reply.toString("hex", 4, 10)).toBe("00000005 0023".replaceAll(" ", ""))
    expect(decodeResponseHeader(apiVersions, 3, new Reader(reply.subarray(4)))).toBe(5)
  })

  test("an API that is never flexible", () => {
    const reply = frame(encodeResponseFrame(offsetDelete, 0, 5, {}))
    expect(reply).toBe("0000000e 00000005 0000 00000000 00000000".replaceAll(" ", ""))
  })
})

test("a request frame says its own length", () => {
  const options = { apiVersion: 9, correlationId: 5, clientId: "me" }
  const bytes = frame(encodeRequestFrame(metadata, options, {}))
  expect(bytes).toBe("00000012 0003 0009 00000005 0002 6d65 00 01010000 00".replaceAll(" ", ""))
})
