/** The links: in order and whole while they live, and hurt in the ways that faults name. */
import { describe, expect, test } from "bun:test"
import type { FaultKind } from "../../src/sim/faults.ts"
import type { NetworkOptions } from "../../src/sim/options.ts"
import { SimWorld } from "../../src/sim/world.ts"
import type { PeerFrame } from "../../src/peer/codec.ts"

interface Seen {
  readonly world: SimWorld
  /** From > to: the frames that left, and those that arrived. */
  readonly sent: Map<string, Array<PeerFrame>>
  readonly received: Map<string, Array<PeerFrame>>
}

function add(to: Map<string, Array<PeerFrame>>, link: string, frame: PeerFrame): void {
  const frames = to.get(link)
  if (frames === undefined) to.set(link, [frame])
  else frames.push(frame)
}

function watched(network: Partial<NetworkOptions> = {}, brokers = 3): Seen {
  const world = new SimWorld({ seed: 8, brokers, network, recodeEvery: 1_000_000_000 })
  const sent = new Map<string, Array<PeerFrame>>()
  const received = new Map<string, Array<PeerFrame>>()
  world.startAll().untilReady(10_000)
  world.observe({
    sent: (broker, to, frame) => add(sent, `${broker.id}>${to}`, frame),
    received: (broker, from, frame) => add(received, `${from}>${broker.id}`, frame),
  })
  return { world, sent, received }
}

const countOf = (frames: Map<string, Array<PeerFrame>>, link: string) =>
  frames.get(link)?.length ?? 0

/** How many frames arrive on each link while the fault lasts, long after it began. */
function arrivals(fault: FaultKind, brokers = 3): ReadonlyMap<string, number> {
  const { world, received } = watched({}, brokers)
  world.inject({ atMs: 0, ...fault })
  world.run(50)
  received.clear()
  world.run(400)
  return new Map([...received].map(([link, frames]) => [link, frames.length]))
}

const linksOf = (brokers: number) =>
  Array.from({ length: brokers * brokers }, (_, i) => [Math.floor(i / brokers), i % brokers])
    .filter(([from, to]) => from !== to)
    .map(([from, to]) => `${from}>${to}`)

describe("a calm network", () => {
  test("loses nothing and keeps the order of each link", () => {
    const { world, sent, received } = watched({ latencyMs: [1, 50] })
    world.run(3000)
    for (const link of linksOf(3)) {
      const arrived = received.get(link) ?? []
      expect(arrived.length).toBeGreaterThan(10)
      const left = sent.get(link) ?? []
      // What was under way when the watch began came first.
      const from = arrived.indexOf(left[0]!)
      expect(arrived.slice(from)).toEqual(left.slice(0, arrived.length - from))
    }
  })

  test("delivers within its latency", () => {
    const { world } = watched({ latencyMs: [3, 7] })
    const leftUs = new Map<PeerFrame, number>()
    const tookUs: Array<number> = []
    world.observe({
      sent: (_, __, frame) => void leftUs.set(frame, world.engine.nowUs),
      received: (_, __, frame) => {
        const at = leftUs.get(frame)
        if (at !== undefined) tookUs.push(world.engine.nowUs - at)
      },
    })
    world.run(2000)
    expect(Math.min(...tookUs)).toBeGreaterThanOrEqual(3000)
    expect(Math.max(...tookUs)).toBeLessThanOrEqual(7000)
  })
})

const others = (frames: Array<PeerFrame> | undefined) =>
  (frames ?? []).filter(({ _tag }) => _tag !== "Raft")

describe("noise", () => {
  test("loses, doubles and reorders Raft frames, and no others", () => {
    const { world, sent, received } = watched({
      latencyMs: [1, 20],
      lossPer10k: 1000,
      duplicatePer10k: 1000,
      reorderPer10k: 2000,
    })
    world.run(20_000)
    for (const what of ["frameLost", "frameDuplicated", "frameReordered"]) {
      expect([what, (world.rare.get(what) ?? 0) > 20]).toEqual([what, true])
    }
    for (const link of linksOf(3)) {
      const arrived = others(received.get(link))
      const left = others(sent.get(link))
      const from = arrived.indexOf(left[0]!)
      expect(arrived.slice(from)).toEqual(left.slice(0, arrived.length - from))
    }
  })

  test("ends with the healing", () => {
    const { world } = watched({ lossPer10k: 3000 })
    world.run(1000)
    world.healNetwork()
    const before = world.rare.get("frameLost")
    world.run(3000)
    expect(world.rare.get("frameLost")).toBe(before ?? 0)
  })
})

const silent = (heard: ReadonlyMap<string, number>, brokers = 3) =>
  linksOf(brokers).filter((link) => (heard.get(link) ?? 0) === 0)

const isolate = (ways: "in" | "out" | "both") =>
  arrivals({ _tag: "isolate", node: 0, ways, mode: "drop" })

describe("partitions", () => {
  test("isolate in, out and both ways", () => {
    expect(silent(isolate("in"))).toEqual(["1>0", "2>0"])
    expect(silent(isolate("out"))).toEqual(["0>1", "0>2"])
    expect(silent(isolate("both"))).toEqual(["0>1", "0>2", "1>0", "2>0"])
  })

  test("split, bridge, ring and a single cut", () => {
    expect(silent(arrivals({ _tag: "cut", from: 1, to: 2, mode: "drop" }))).toEqual(["1>2"])
    const split = arrivals({ _tag: "split", side: [0, 1], ways: "both", mode: "drop" }, 4)
    expect(silent(split, 4)).toEqual(["0>2", "0>3", "1>2", "1>3", "2>0", "2>1", "3>0", "3>1"])
    const bridge = arrivals({ _tag: "bridge", over: 1, side: [0], mode: "drop" })
    expect(silent(bridge)).toEqual(["0>2", "2>0"])
    expect(silent(arrivals({ _tag: "ring", mode: "drop" }, 4), 4)).toEqual([
      "0>2",
      "1>3",
      "2>0",
      "3>1",
    ])
  })

  test("a held link delivers everything after the heal, a dropped one is dialled anew", () => {
    for (const mode of ["hold", "drop"] as const) {
      const { world, sent, received } = watched()
      world.inject({ atMs: 0, _tag: "cut", from: 0, to: 1, mode, forMs: 500 })
      world.run(10)
      sent.clear()
      received.clear()
      world.run(480)
      expect(countOf(received, "0>1")).toBe(0)
      const late = sent.get("0>1")!.slice(0, 2)
      expect(late.length).toBe(2)
      world.run(100)
      const arrived = received.get("0>1") ?? []
      expect(late.every((frame) => arrived.includes(frame))).toBe(mode === "hold")
      world.run(500)
      expect(countOf(received, "0>1")).toBeGreaterThan(5)
    }
  })

  test("a link on which nothing comes back is given up after two seconds", () => {
    const { world } = watched()
    world.inject({ atMs: 0, _tag: "cut", from: 0, to: 1, mode: "hold" })
    world.run(1900)
    expect(world.network.link(0, 1).state).toBe("up")
    world.run(400)
    expect(world.network.link(0, 1).state).not.toBe("up")
    expect(world.network.link(1, 0).state).toBe("up")
  })
})

function isSuspectedSoon(power: boolean): boolean | undefined {
  const { world } = watched()
  world.inject({ atMs: 0, _tag: "crash", node: 2, power })
  world.run(300)
  return world
    .node(0)
    .status()
    .brokers.find(({ id }) => id === 2)?.suspected
}

describe("slow links", () => {
  test("a clog holds frames up to its end", () => {
    const { world, received } = watched()
    world.run(20)
    world.inject({ atMs: 0, _tag: "clog", from: 0, to: 1, forMs: 500 })
    world.run(10)
    received.clear()
    world.run(480)
    expect(countOf(received, "0>1")).toBe(0)
    world.run(40)
    expect(countOf(received, "0>1")).toBeGreaterThan(3)
  })

  test("a capacity lets through as much as it says", () => {
    const { world, received } = watched()
    world.inject({ atMs: 0, _tag: "capacity", bytesPerMs: 1, forMs: 1000 })
    world.run(100)
    received.clear()
    world.run(600)
    // A frame has 60 bytes at least.
    expect(countOf(received, "0>1")).toBeLessThanOrEqual(11)
    expect(countOf(received, "0>1")).toBeGreaterThan(0)
  })

  test("a peer that stops while the dialler is paused is dialled again", () => {
    const { world } = watched()
    world.inject({ atMs: 0, _tag: "resetLink", from: 0, to: 1 })
    world.runUntil(() => world.network.link(0, 1).state === "dialling", 100)
    world.broker(0).process?.pause()
    world.run(100)
    world.broker(1).crash(true)
    world.run(100)
    world.broker(1).start()
    world.broker(0).process?.resume()
    world.run(3000)
    const { state, connection } = world.network.link(0, 1)
    expect([state, connection?.to === world.broker(1).process]).toEqual(["up", true])
  })

  test("a stopped machine refuses, one without power says nothing", () => {
    expect(isSuspectedSoon(false)).toBe(true)
    expect(isSuspectedSoon(true)).toBe(false)
  })
})
