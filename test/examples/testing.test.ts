import { expect, test } from "bun:test"
import { join } from "node:path"
import { run } from "../../scripts/harness/run.ts"
import { root } from "../../scripts/harness/target.ts"

/** The example of varve/testing as a reader starts it: with both consumers. */

const command = [
  process.execPath,
  "test",
  "--timeout=60000",
  join(root, "examples", "testing", "billing.test.ts"),
]

test("the naive consumer loses orders, and the test says which", async () => {
  const { code, stdout, stderr } = await run(command, { env: { BILLING: "naive" } })
  const said = stdout + stderr
  expect(code).toBe(1)
  expect(said).toContain("INVALID: 30 records acknowledged, 22 processed")
  expect(said).toContain("never-processed (8): A record lies in the log")
  expect(said).toContain(
    "orders/0: order 13 at 12 was never processed by billing, which has committed 20",
  )
}, 120_000)

test("the corrected consumer passes", async () => {
  const { code, stderr } = await run(command)
  expect(stderr).toContain("1 pass")
  expect(code).toBe(0)
}, 120_000)
