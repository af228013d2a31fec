import { afterAll, expect, test } from "bun:test"
import { appendFileSync, closeSync, mkdtempSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { OutputFile } from "../../../src/chaos/cluster/output-file.ts"

const dir = mkdtempSync(join(tmpdir(), "varve-output-"))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test("what the present process says is found, in pieces and behind much else", () => {
  const path = join(dir, "a.out")
  const output = new OutputFile(path)
  closeSync(output.open("start 1"))
  appendFileSync(path, "ready: long ago\n")
  expect(output.has(/^ready/m)).toBe(true)
  const file = output.open("start 2")
  expect(output.has(/^ready/m)).toBe(false)
  writeSync(file, `${"noise\n".repeat(5000)}rea`)
  expect(output.has(/^ready/m)).toBe(false)
  writeSync(file, `dy: now\n${"noise\n".repeat(5000)}last\n`)
  expect(output.has(/^ready/m)).toBe(true)
  expect(output.lastLines(2)).toBe("noise\nlast")
  closeSync(file)
})
