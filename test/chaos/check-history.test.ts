import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkHistoryFile } from "../../src/chaos/check-history.ts"

/** What the process that checks says of a file that it cannot read. */

const dir = mkdtempSync(join(tmpdir(), "varve-check-"))
afterAll(() => rmSync(dir, { recursive: true }))

const whyOf = async (path: string): Promise<string> => {
  const outcome = await checkHistoryFile(path, 30_000)
  return outcome._tag === "unknown" ? outcome.why : "checked"
}

test("a line that is none is named, in one line", async () => {
  const path = join(dir, "history.jsonl")
  writeFileSync(path, '{"t":1,"p":"a","type":"invoke","op":0,"call":{"f":"append"}}\n')
  expect(await whyOf(path)).toMatch(
    /^the checker ended with exit code 1: error: .*history\.jsonl: line 1: append: .*$/,
  )
})

test("so is a file that is not there", async () => {
  expect(await whyOf(join(dir, "nowhere"))).toMatch(/exit code 1: .*ENOENT.*nowhere/)
})
