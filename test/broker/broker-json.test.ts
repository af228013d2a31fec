import { expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  formatDiskUuids,
  formatEndpoint,
  parseDiskUuids,
  parseEndpoint,
  parsePeers,
  readBrokerJson,
  writeBrokerJson,
} from "../../src/broker/broker-json.ts"

test("what is written is read; the file appears whole, with nothing beside it", () => {
  const dir = mkdtempSync(join(tmpdir(), "varve-json-"))
  const path = join(dir, "broker.json")
  writeBrokerJson(path, { "node.id": "0", listeners: "x" })
  writeBrokerJson(path, { "node.id": "1" })
  expect(readBrokerJson(path)).toEqual({ "node.id": "1" })
  expect(readdirSync(dir)).toEqual(["broker.json"])
  rmSync(dir, { recursive: true })
})

test("anything but a flat object of strings is refused with the file and the key", () => {
  const dir = mkdtempSync(join(tmpdir(), "varve-json-"))
  const path = join(dir, "broker.json")
  for (const [text, expected] of [
    ["[]", "expected a flat object of strings"],
    ["null", "expected a flat object of strings"],
    ['{"node.id": 1}', "node.id is 1; expected a string"],
    ["{", "broker.json: "],
  ] as const) {
    writeFileSync(path, text)
    expect(() => readBrokerJson(path)).toThrow(expected)
  }
  rmSync(path)
  expect(() => readBrokerJson(path)).toThrow("ENOENT")
  rmSync(dir, { recursive: true })
})

test("endpoints with and without a protocol, of both families", () => {
  expect(parseEndpoint("PLAINTEXT://127.0.0.1:9092")).toEqual({ host: "127.0.0.1", port: 9092 })
  expect(parseEndpoint("broker.local:1")).toEqual({ host: "broker.local", port: 1 })
  expect(parseEndpoint("[::1]:9092")).toEqual({ host: "::1", port: 9092 })
  for (const bad of ["", "host", "host:", ":1", "host:70000", "a:1,b:2", "::1:9092", "h o:1"]) {
    expect([bad, parseEndpoint(bad)]).toEqual([bad, undefined])
  }
  expect(formatEndpoint({ host: "::1", port: 1 })).toBe("[::1]:1")
})

test("peers and disks as lists of pairs", () => {
  expect(parsePeers("")).toEqual([])
  expect(parsePeers("0@a:1, 2@b:3,")).toEqual([
    { nodeId: 0, host: "a", port: 1 },
    { nodeId: 2, host: "b", port: 3 },
  ])
  expect(parsePeers("x@a:1")).toBeUndefined()
  const pairs = [
    { nodeId: 0, diskUuid: "aa" },
    { nodeId: 1, diskUuid: "bb" },
  ]
  expect(parseDiskUuids(formatDiskUuids(pairs))).toEqual(pairs)
  expect(parseDiskUuids("0@aa,1")).toBeUndefined()
})
