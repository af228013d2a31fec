import { expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { run } from "../../scripts/harness/run.ts"
import { root } from "../../scripts/harness/target.ts"

/** What docs/testing.md shows is pasted, and works. */

test("the test of docs/testing.md passes as it stands", async () => {
  const page = readFileSync(join(root, "docs", "testing.md"), "utf8")
  const [, source = ""] = /```ts\n([\s\S]*?)```/.exec(page) ?? []
  expect(source).toContain('from "varve/testing"')
  // Inside the package, where it is found by its own name.
  const folder = mkdtempSync(join(root, "node_modules", ".pasted-"))
  try {
    const file = join(folder, "pasted.test.ts")
    writeFileSync(file, source)
    const { code, stderr } = await run([process.execPath, "test", file], { timeoutMs: 90_000 })
    expect(stderr).toContain("1 pass")
    expect(code).toBe(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 120_000)
