import { expect, test } from "bun:test"
import { join } from "node:path"
import { endsWithin, startRunClock } from "../../src/chaos/clock.ts"

test("what ends in time, and what does not", async () => {
  const clock = startRunClock()
  expect(await endsWithin(clock, 60_000, Promise.resolve())).toBe(true)
  expect(await endsWithin(clock, 1, new Promise(() => undefined))).toBe(false)
  const broken = endsWithin(clock, 60_000, Promise.reject(new Error("no")))
  expect(await broken.catch(String)).toBe("Error: no")
})

test("a process does not stay for a time that nobody waits for any more", async () => {
  const clock = JSON.stringify(join(import.meta.dir, "../../src/chaos/clock.ts"))
  const program = `
    const { endsWithin, startRunClock } = await import(${clock})
    await endsWithin(startRunClock(), 600_000, Promise.resolve())`
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "ignore" })
  expect(await child.exited).toBe(0)
})
