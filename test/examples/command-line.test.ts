import { expect, test } from "bun:test"
import { run } from "../../scripts/harness/run.ts"
import { exampleCommand } from "./example.ts"

/** What an example says where it cannot begin: one line, and what to do. */

const said = async (...args: ReadonlyArray<string>) => {
  const { code, stderr } = await run(exampleCommand("task-queue", ...args))
  const lines = stderr
    .split("\n")
    .filter((line) => line.includes("expected") || line.includes("npm"))
  return { code, lines }
}

test("an example without a cluster says how to start one", async () => {
  const { code, lines } = await said("127.0.0.1:1")
  expect(code).toBe(1)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toEndWith("(a cluster is started by: npm start)")
}, 30_000)

test("a size that is none is refused", async () => {
  for (const size of ["0", "-3", "many", "1.5"]) {
    expect(await said("127.0.0.1:1", size)).toEqual({
      code: 2,
      lines: [`size: expected a whole number above 0, got ${size}`],
    })
  }
}, 30_000)
