/** Space is said to be low before the disk is full, and ample again by itself. */
import { afterEach, beforeEach, expect, test } from "bun:test"
import { existsSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { ballastFile, Reserve } from "../../storage/reserve.ts"
import { folder } from "./shim/power.ts"

const bytes = 3_000_000
let dir = ""
let free = Infinity
let lines: Array<string> = []
let reserve: Reserve
beforeEach(async () => {
  dir = folder("varve-")
  free = 100 * bytes
  lines = []
  reserve = new Reserve({
    dir,
    bytes,
    log: (line) => void lines.push(line),
    freeBytes: async () => free,
  })
  await reserve.begin()
})
afterEach(async () => {
  await reserve.close()
  rmSync(dir, { recursive: true })
})

const ballast = () => statSync(join(dir, ballastFile), { throwIfNoEntry: false })?.size ?? 0

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5)
}

test("the ballast is laid by, and takes room on the disk", () => {
  expect(ballast()).toBe(bytes)
  const blocks = statSync(join(dir, ballastFile)).blocks * 512
  expect(blocks).toBeGreaterThanOrEqual(bytes)
  expect([reserve.space, lines]).toEqual(["ample", []])
})

test("low below the threshold, given up below half of it, ample again by itself", async () => {
  free = bytes * 0.9
  await reserve.begin()
  expect([reserve.space, ballast()]).toEqual(["low", bytes])
  free = bytes * 0.4
  await until(() => ballast() === 0)
  expect(lines.join("\n")).toContain("given up")
  // The room that the ballast left is not room for records.
  free = bytes * 1.4
  await reserve.begin()
  expect(reserve.space).toBe("low")
  free = bytes * 4
  await until(() => reserve.space === "ample")
  await until(() => ballast() === bytes)
  expect(lines.at(-1)).toContain("room again")
})

test("what is written counts before the disk is asked again", () => {
  expect(reserve.space).toBe("ample")
  reserve.wrote(32 * bytes)
  expect(reserve.space).toBe("ample")
  reserve.wrote(1.2 * bytes)
  expect(reserve.space).toBe("low")
})

test("without bytes it does nothing", async () => {
  const off = new Reserve({ dir: join(dir, "none"), bytes: 0, log: () => {} })
  await off.begin()
  off.wrote(1e12)
  expect([off.space, existsSync(join(dir, "none"))]).toEqual(["ample", false])
})

test("the file system's own word is asked by default", async () => {
  const own = new Reserve({ dir, bytes: 2 ** 60, log: (line) => void lines.push(line) })
  await own.begin()
  expect(own.space).toBe("low")
  expect(ballast()).toBe(0)
  await own.close()
})
