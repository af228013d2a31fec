import { afterEach, beforeEach, expect, test } from "bun:test"
import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  IdentityMismatch,
  readIdentity,
  writeIdentity,
  type Identity,
} from "../../storage/index.ts"
import { temporaryFolder } from "./open-wals.ts"

const mine: Identity = { clusterId: "abc", nodeId: 1, diskUuid: "d-1" }

let dir = ""
beforeEach(() => (dir = temporaryFolder()))
afterEach(() => rmSync(dir, { recursive: true }))

test("an empty folder has none", () => {
  expect(readIdentity(dir)).toBeUndefined()
  expect(readIdentity(join(dir, "missing"))).toBeUndefined()
})

test("is read as it was written; writing it again is no change", () => {
  writeIdentity(join(dir, "sub"), mine)
  writeIdentity(join(dir, "sub"), mine)
  expect(readIdentity(join(dir, "sub"))).toEqual(mine)
  expect(readdirSync(join(dir, "sub"))).toEqual(["identity.json"])
})

test.each([
  ["clusterId abc, expected x", { ...mine, clusterId: "x" }],
  ["nodeId 1, expected 2", { ...mine, nodeId: 2 }],
  ["diskUuid d-1, expected d-2", { ...mine, diskUuid: "d-2" }],
])("another identity is refused by name: %s", (message, other) => {
  writeIdentity(dir, mine)
  expect(() => writeIdentity(dir, other)).toThrow(message)
  expect(readIdentity(dir)).toEqual(mine)
})

test.each(["", "{", "[]", "null", '{"clusterId":"a","nodeId":"1","diskUuid":"d"}'])(
  "an unreadable file is refused, never overwritten: %p",
  (text) => {
    writeFileSync(join(dir, "identity.json"), text)
    expect(() => readIdentity(dir)).toThrow(IdentityMismatch)
    expect(() => writeIdentity(dir, mine)).toThrow(IdentityMismatch)
  },
)
