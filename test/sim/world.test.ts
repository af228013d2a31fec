/**
 * The simulated world itself: it repeats, it does what faults say, and the cluster survives them.
 */
import { describe, expect, test } from "bun:test"
import { SimWorld } from "../../src/sim/world.ts"
import type { Fault, FaultKind } from "../../src/sim/faults.ts"
import type { Observer } from "../../src/sim/subject.ts"
import {
  askFetch,
  askProduce,
  createTopic,
  fetched,
  produced,
  untilLed,
} from "../support/clients.ts"

const noisy = {
  latencyMs: [1, 10],
  spikePer10k: 20,
  spikeMs: [20, 200],
  lossPer10k: 100,
  duplicatePer10k: 200,
  reorderPer10k: 300,
} as const

const everyFault: ReadonlyArray<FaultKind> = [
  { _tag: "crash", node: 0, power: false, downMs: 300 },
  { _tag: "crash", node: "metadataLeader", power: true, downMs: 900 },
  { _tag: "crash", node: { leaderOfPick: 0 }, power: true, behind: "commit", downMs: 300 },
  { _tag: "crash", node: 1, power: true, behind: "sync", keep: 0, downMs: 300 },
  { _tag: "crash", node: 2, power: false, behind: "send", downMs: 300 },
  { _tag: "crashAll", power: true, downMs: 200 },
  { _tag: "crashLoop", node: 2, times: 3, upMs: 150, downMs: 40 },
  { _tag: "pause", node: { leaderOfPick: 0 }, forMs: 1200 },
  { _tag: "shutdown", node: 1, downMs: 200 },
  { _tag: "cut", from: 0, to: 1, mode: "drop", forMs: 800 },
  { _tag: "isolate", node: 0, ways: "both", mode: "hold", forMs: 800 },
  { _tag: "isolate", node: { leaderOfPick: 0 }, ways: "in", mode: "drop", forMs: 800 },
  { _tag: "isolate", node: "metadataLeader", ways: "out", mode: "drop", forMs: 800 },
  { _tag: "split", side: [1], ways: "out", mode: "hold", forMs: 2300 },
  { _tag: "bridge", over: 1, side: [0], mode: "drop", forMs: 800 },
  { _tag: "ring", mode: "drop", forMs: 300 },
  { _tag: "heal" },
  { _tag: "clog", from: 0, to: 1, forMs: 700 },
  { _tag: "slow", from: 0, to: 1, byMs: 100, forMs: 700 },
  { _tag: "resetLink", from: 0, to: 1 },
  { _tag: "capacity", bytesPerMs: 20, forMs: 700 },
  { _tag: "clockJump", node: 0, byMs: 3_600_000 },
  { _tag: "clockJump", node: 1, byMs: -3_600_000 },
  { _tag: "clockDrift", node: 1, perMille: 200 },
  { _tag: "diskStall", node: 0, forMs: 900 },
  { _tag: "fsyncError", node: { leaderOfPick: 0 }, downMs: 300 },
  { _tag: "diskFull", node: 0, forMs: 700 },
  { _tag: "backup", node: 1 },
  { _tag: "loseTail", node: 0, commits: 5, downMs: 100 },
  { _tag: "loseSentinel", node: 2, downMs: 100 },
  { _tag: "restore", node: 1, sentinel: false, downMs: 100 },
  { _tag: "damageEntry", node: 0, pick: 4 },
  { _tag: "cutLog", node: 1, pick: 5 },
  { _tag: "transfer", pick: 1 },
  { _tag: "replaceDisk", node: 2, downMs: 100 },
]
const gapMs = 2500

/** Somebody always writes; what was acknowledged is kept. */
class Writer {
  readonly acked = new Map<number, string>()
  private readonly world: SimWorld
  private sent = 0

  constructor(world: SimWorld) {
    this.world = world
    this.next()
  }

  private next(): void {
    const { world } = this
    const node = world.running().find((broker) => !broker.paused)?.node
    const info = node?.image.topics.get("t")?.partitions[0]
    const leader = info === undefined ? -1 : (node?.leaderOf(info.group).leader ?? -1)
    if (leader < 0) return world.plan(world.nowMs + 20, () => this.next())
    const value = `v${this.sent++}`
    const asked = askProduce(world, leader, "t", [value], { timeoutMs: 500 })
    const look = () => {
      if (asked.answer === undefined) return world.plan(world.nowMs + 5, look)
      const made = produced(asked)
      if (made?.errorCode === 0) this.acked.set(made.baseOffset, value)
      world.plan(world.nowMs + 30, () => this.next())
    }
    look()
  }
}

/** By their offsets; a log that was cut begins where its leader says. */
function recordsFrom(world: SimWorld, leader: number, topic: string): Map<number, string> {
  const info = world.node(leader).image.topics.get(topic)?.partitions[0]
  const log =
    info === undefined ? undefined : world.node(leader).partition(info.group)?.raftGroup.log
  const records = new Map<number, string>()
  for (let offset = log?.firstOffset ?? 0; ;) {
    const asked = askFetch(world, leader, topic, offset)
    world.runUntil(() => asked.answer !== undefined, 60_000, "the answer of Fetch")
    const read = fetched(asked)?.records.filter((record) => record.offset >= offset) ?? []
    if (read.length === 0) return records
    for (const record of read) records.set(record.offset, record.value)
    offset = (read.at(-1)?.offset ?? offset) + 1
  }
}

function stormyRun(
  seed: number,
  faults = everyFault,
): { readonly world: SimWorld; readonly writer: Writer } {
  const world = new SimWorld({ seed, network: noisy, clockDriftPerMille: 50 })
    .startAll()
    .untilReady(10_000)
  createTopic(world, "t", { configs: { "min.insync.replicas": "2" } })
  const writer = new Writer(world)
  world.schedule(
    faults.map((fault, at): Fault => ({ atMs: world.elapsedMs + at * gapMs, ...fault })),
  )
  world.run(faults.length * gapMs)
  world.healNetwork()
  world.healMachines()
  world.run(15_000)
  return { world, writer }
}

describe("a run", () => {
  test("meets every kind of fault, and what was acknowledged is there at the end", () => {
    const { world, writer } = stormyRun(11)
    const leader = untilLed(world, "t")
    const log = recordsFrom(world, leader, "t")
    const firstOffset = Math.min(...log.keys())
    for (const [offset, value] of writer.acked) {
      // The log was cut.
      if (offset < firstOffset) continue
      expect([offset, log.get(offset)]).toEqual([offset, value])
    }
    expect(writer.acked.size).toBeGreaterThan(500)
    const applied = everyFault.filter(({ _tag }) => (world.rare.get(`fault.${_tag}`) ?? 0) === 0)
    expect(applied.map(({ _tag }) => _tag)).toEqual([])
    for (const what of ["recovering", "readmitted", "amputated", "leaderChanged", "allDown"]) {
      expect([what, world.rare.get(what) ?? 0]).not.toEqual([what, 0])
    }
  }, 30_000)

  test("has the same hash the second time, and another one from another seed", () => {
    const some = everyFault.filter((_, at) => at % 4 === 0)
    const first = stormyRun(21, some).world
    const second = stormyRun(21, some).world
    expect(second.hash).toBe(first.hash)
    expect(second.events).toBe(first.events)
    expect(stormyRun(22, some).world.hash).not.toBe(first.hash)
  }, 30_000)

  test("has the same hash in another process", () => {
    const worldFile = new URL("../../src/sim/world.ts", import.meta.url).pathname
    const script = `
      const { SimWorld } = await import(${JSON.stringify(worldFile)})
      const world = new SimWorld({ seed: 7, clockDriftPerMille: 200 }).startAll()
      world.schedule([{ atMs: 900, _tag: "crash", node: 1, power: true, downMs: 400 }])
      world.run(4000)
      console.log(world.hash)`
    const hashes = [1, 2].map(() =>
      Bun.spawnSync([process.execPath, "-e", script]).stdout.toString().trim(),
    )
    expect(hashes[0]).toMatch(/^[0-9a-f]{16}$/)
    expect(hashes[1]).toBe(hashes[0] ?? "")
  })

  test("does not depend on how frames are carried", () => {
    const acked = [1, 1_000_000].map((recodeEvery) => {
      const world = new SimWorld({ seed: 5, recodeEvery }).startAll().untilReady()
      createTopic(world, "t", {})
      const writer = new Writer(world)
      world.run(2000)
      return [world.hash, writer.acked.size]
    })
    expect(acked[1]).toEqual(acked[0] ?? [])
  })
})

describe("observers", () => {
  test("see starts, writes, fsyncs, frames and ends", () => {
    const seen = new Map<string, number>()
    const count = (what: string) => () => void seen.set(what, (seen.get(what) ?? 0) + 1)
    const observer: Observer = {
      started: count("started"),
      stopped: count("stopped"),
      wrote: count("wrote"),
      durable: count("durable"),
      sent: count("sent"),
      stepped: count("stepped"),
      damaged: count("damaged"),
    }
    const world = new SimWorld({ seed: 2 })
    world.observe(observer)
    world.startAll().untilReady()
    world.inject({ atMs: 0, _tag: "loseTail", node: 2, commits: 1, downMs: 100 })
    world.run(1000)
    expect(seen.get("started")).toBe(4)
    expect(seen.get("stopped")).toBe(1)
    expect(seen.get("damaged")).toBe(1)
    for (const what of ["wrote", "durable", "sent", "stepped"]) {
      expect(seen.get(what) ?? 0).toBeGreaterThan(3)
    }
  })
})

describe("the atlas", () => {
  test("lets a minority of voters forget, and the next only when the first is repaired", () => {
    const world = new SimWorld({ seed: 3 }).startAll().untilReady()
    createTopic(world, "t", {})
    const lose = (node: number, beyond = false): boolean =>
      world.inject({ atMs: 0, _tag: "loseTail", node, commits: 2, beyond })
    expect(lose(0)).toBe(true)
    expect(lose(1)).toBe(false)
    expect(lose(1, true)).toBe(true)
    world.healMachines()
    world.run(100)
    expect(lose(2)).toBe(false)
  })

  test("a repaired voter frees the others", () => {
    const world = new SimWorld({ seed: 4 }).startAll().untilReady()
    expect(world.inject({ atMs: 0, _tag: "loseTail", node: 0, commits: 2, downMs: 50 })).toBe(true)
    world.runUntil(() => world.atlas.isRepaired, 20_000, "repaired", 100)
    expect(world.inject({ atMs: 0, _tag: "loseTail", node: 1, commits: 2, downMs: 50 })).toBe(true)
  })

  test("knows the voters from the disks of who is stopped", () => {
    const world = new SimWorld({ seed: 5, brokers: 5 }).startAll().untilReady()
    expect(world.inject({ atMs: 0, _tag: "replaceDisk", node: 0, downMs: 50 })).toBe(true)
    world.runUntil(() => world.atlas.isRepaired, 20_000, "repaired", 100)
    world.inject({ atMs: 0, _tag: "crashAll", power: true })
    expect(world.inject({ atMs: 0, _tag: "replaceDisk", node: 1 })).toBe(true)
    // It begins with the founders, of which two disks are gone by now; of the voters one is.
    world.broker(1).start()
    world.run(500)
    expect(world.atlas.mayHurt(world.broker(2))).toBe(true)
    expect(world.inject({ atMs: 0, _tag: "loseSentinel", node: 2 })).toBe(true)
    expect(world.atlas.mayHurt(world.broker(3))).toBe(false)
  })

  test("spares the only disk of a group that nobody hosts yet", () => {
    const world = new SimWorld({ seed: 6 }).startAll().untilReady()
    world.inject({ atMs: 0, _tag: "crash", node: 2, power: true })
    createTopic(world, "t", { partitions: 3, replicas: 1 })
    expect(world.node(0).image.groups.get(3)?.replicas).toHaveLength(1)
    for (const node of [0, 1, 2]) {
      expect(world.inject({ atMs: 0, _tag: "replaceDisk", node })).toBe(false)
      expect(world.inject({ atMs: 0, _tag: "loseSentinel", node })).toBe(false)
    }
  })

  test("replaces a disk when nothing is placed on it any more", () => {
    const world = new SimWorld({ seed: 7 }).startAll().untilReady()
    world.atlas.expectsTopics = () => true
    const { diskUuid } = world.broker(2)
    expect(world.inject({ atMs: 0, _tag: "replaceDisk", node: 2, downMs: 50 })).toBe(true)
    expect(world.broker(2).diskUuid).toBe(diskUuid)
    world.runUntil(() => world.broker(2).diskUuid !== diskUuid, 10_000, "replaced")
    expect(world.node(0).image.brokers.get(2)?.fenced).toBe(true)
    world.runUntil(() => world.running().length === 3 && world.ready(), 10_000, "back")
  })
})
