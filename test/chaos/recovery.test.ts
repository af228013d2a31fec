import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { hunts } from "../../src/chaos/hunts.ts"
import { runOptions } from "../../src/chaos/options.ts"
import { plantOf } from "../../src/chaos/plants/plants.ts"
import { missingFor } from "../../src/chaos/recovery.ts"
import { RunFolder } from "../../src/chaos/run-folder.ts"

describe("what a broker says is missing", () => {
  const well = { partition: "t/0", leader: 1, epoch: 3, replicas: [0, 1, 2], inSync: [1, 0, 2] }
  const seen = (change: Partial<typeof well> = {}) => ({
    brokers: [0, 1, 2],
    partitions: [{ ...well, ...change }],
  })

  test("nothing, where everybody is there and in sync", () => {
    expect(missingFor(0, seen(), 3)).toEqual([])
  })

  test("a broker, a leader, a replica", () => {
    expect(missingFor(0, { ...seen(), brokers: [0, 2] }, 3)).toEqual([
      "broker 0 sees brokers 0, 2 alone",
    ])
    expect(missingFor(1, seen({ leader: -1 }), 3)).toEqual(["t/0 has no leader, says broker 1"])
    expect(missingFor(2, seen({ inSync: [1] }), 3)).toEqual([
      "t/0: replica 0, 2 not in sync, says broker 2",
    ])
  })
})

describe("a run's folder", () => {
  let dir = ""
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "chaos-folder-"))
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  test("is made, and one that holds something is refused", () => {
    const made = new RunFolder(join(dir, "a", "b"))
    made.writeJson("x.json", { x: 1 })
    expect(() => new RunFolder(made.dir)).toThrow("is not empty")
  })

  test("keeps logs, and gives up the brokers' folders when nobody needs them", () => {
    const made = new RunFolder(join(dir, "c"))
    const node = (id: number) => {
      const own = join(made.cluster, `broker-${id}`)
      const address = { host: "127.0.0.1", port: 1 }
      return { id, address, direct: address, dir: own, logFile: join(own, "broker.log") }
    }
    mkdirSync(node(0).dir, { recursive: true })
    writeFileSync(node(0).logFile, "a line\n")
    made.keepLogs([node(0), node(1)])
    made.removeData()
    expect(existsSync(join(made.dir, "logs", "broker-0.log"))).toBe(true)
    expect(existsSync(made.cluster)).toBe(false)
  })
})

test("every hunt has a plant, faults that fit its time, and its time is short", () => {
  for (const { plant, faults, workloads, seconds, seed } of hunts) {
    expect([plant, plantOf(plant)?.id]).toEqual([plant, plant])
    expect(seconds).toBeLessThanOrEqual(90)
    expect([plant, runOptions({ seed, seconds, faults, workloads }).faults]).toEqual([
      plant,
      faults,
    ])
  }
  expect(new Set(hunts.map(({ plant }) => plant)).size).toBe(hunts.length)
})
