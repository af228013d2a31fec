import { afterEach, beforeEach, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { equipDisks, type DiskOptions } from "../../../src/chaos/disk/disks.ts"
import { buildShim } from "../../../src/chaos/disk/power/library.ts"

/** How brokers are started so that their disks and clocks can be got at. */

let dir = ""
let broker = ""
const lines: Array<string> = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "varve-disks-"))
  broker = join(dir, "broker-1")
  mkdirSync(broker)
  lines.length = 0
})
afterEach(() => rmSync(dir, { recursive: true }))

const equip = (options: Pick<DiskOptions, "power" | "clock">) =>
  equipDisks({ ...options, dir, log: (line) => void lines.push(line) })

test("without power and libfaketime: one preload and its control folder", () => {
  const disks = equip({ power: false })
  expect([...disks.capabilities]).toEqual(["files", "storage", "clock"])
  const { env, preload } = disks.startOptions({ id: 1, dir: broker })
  expect(env).toEqual({ CHAOS_DISK: join(dir, "disk-1") })
  expect(preload?.map((path) => existsSync(path))).toEqual([true])
  expect([disks.setClock(1, 5_000, 1), lines]).toEqual([false, []])
  disks.end()
})

test("a start makes well whatever was told before", () => {
  const disks = equip({ power: false })
  const { storage, clock } = disks.control(1)
  disks.control(1).troubleStorage({ _tag: "held" })
  disks.control(1).troubleClock({ offsetMs: 1, rate: 1, sinceMs: 0, strobeMs: 0 })
  expect([storage, clock].map((path) => existsSync(path))).toEqual([true, true])
  disks.startOptions({ id: 1, dir: broker })
  expect([storage, clock].map((path) => existsSync(path))).toEqual([false, false])
})

test("with power every broker runs under the shim, or one line says why not", () => {
  const shim = buildShim()
  const disks = equip({ power: true })
  if ("missing" in shim) {
    expect(disks.capabilities.has("power")).toBe(false)
    expect(lines.length).toBe(1)
    return
  }
  expect([disks.capabilities.has("power"), lines]).toEqual([true, []])
  const { env, preload } = disks.startOptions({ id: 1, dir: broker })
  expect(env).toMatchObject({ LD_PRELOAD: shim.library, POWER_DIR: broker })
  expect(preload?.length).toBe(2)
  expect(buildShim()).toEqual(shim)
  disks.end()
})

test("libfaketime stands behind the shim and is told by a file; where it is missing a line says so", () => {
  const library = join(dir, "libfaketimeMT.so.1")
  process.env["CHAOS_FAKETIME"] = library
  try {
    equip({ power: false, clock: true })
    expect(lines.length).toBe(1)
    if (process.platform !== "linux") return
    rmSync(library, { force: true })
    mkdirSync(library)
    const disks = equip({ power: false, clock: true })
    const { env } = disks.startOptions({ id: 1, dir: broker })
    expect(env?.["LD_PRELOAD"]).toBe(library)
    const file = env?.["FAKETIME_TIMESTAMP_FILE"] ?? ""
    expect(disks.setClock(1, -7_000, 2)).toBe(true)
    expect(readFileSync(file, "utf8")).toBe("-7 x2\n")
    disks.control(1).calm()
    expect(readFileSync(file, "utf8")).toBe("+0 x1\n")
    disks.end()
  } finally {
    delete process.env["CHAOS_FAKETIME"]
  }
})
