import { describe, expect, test } from "bun:test"
import { Liveness } from "../../src/node/liveness.ts"
import type { Hello } from "../../src/node/node.ts"
import { peerVersion } from "../../src/peer/codec.ts"

const settings = { tickMs: 25, suspectMs: 600, heartbeatMs: 100 }

const started = () => {
  const liveness = new Liveness(settings, [2, 1])
  liveness.start(0)
  return liveness
}

const hello = (nodeId: number, incarnation: string, diskUuid = "disk"): Hello => ({
  _tag: "Hello",
  version: peerVersion,
  clusterId: "c",
  nodeId,
  diskUuid,
  incarnation,
  appliedMetadataIndex: 0,
  heights: [],
  witnessedDisk: "",
  witnessed: [],
})

/** Ticks from one time to another; who was suspected when. */
const tickTo = (liveness: Liveness, fromMs: number, toMs: number): string[] => {
  const seen: string[] = []
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 25) {
    for (const event of liveness.tick(nowMs)) seen.push(`${nowMs} ${event._tag} ${event.nodeId}`)
  }
  return seen
}

describe("suspicion", () => {
  test("comes after 600 ms of silence and goes with the first word", () => {
    const liveness = started()
    for (let nowMs = 0; nowMs <= 1000; nowMs += 50) liveness.hear(1, nowMs)
    liveness.hear(2, 0)
    expect(tickTo(liveness, 0, 1000)).toEqual(["600 suspected 2"])
    expect(liveness.hear(2, 1010)).toEqual({ _tag: "returned", nodeId: 2 })
    expect(liveness.hear(2, 1020)).toBeUndefined()
  })

  test("comes sooner when a dial is refused, unless the node still speaks", () => {
    const liveness = started()
    liveness.hear(1, 0)
    liveness.hear(2, 0)
    tickTo(liveness, 0, 100)
    liveness.closed(1, true)
    liveness.closed(2, true)
    liveness.hear(2, 100)
    expect(tickTo(liveness, 125, 225)).toEqual(["150 suspected 1"])
  })

  test("of a node never heard waits for the whole time, however often it refuses", () => {
    const liveness = started()
    liveness.closed(1, true)
    expect(tickTo(liveness, 0, 575)).toEqual([])
    expect(tickTo(liveness, 600, 600)).toHaveLength(2)
  })

  test("does not come from a pause of this process", () => {
    const liveness = started()
    liveness.hear(1, 0)
    liveness.hear(2, 0)
    tickTo(liveness, 0, 100)
    expect(tickTo(liveness, 30_000, 30_400)).toEqual([])
    expect(tickTo(liveness, 30_425, 30_700).length).toBe(2)
  })
})

test("heartbeats go only where nothing else was sent for 100 ms", () => {
  const liveness = started()
  liveness.connected(1, 0)
  liveness.connected(2, 0)
  liveness.sent(1, 60)
  expect(liveness.heartbeatsDue(100)).toEqual([2])
  expect(liveness.heartbeatsDue(160)).toEqual([1, 2])
  liveness.closed(2, false)
  expect(liveness.heartbeatsDue(160)).toEqual([1])
})

test("another incarnation or disk is told from the same one", () => {
  const liveness = started()
  expect(liveness.identify(hello(1, "a"))).toBe(true)
  expect(liveness.identify(hello(1, "a"))).toBe(false)
  expect(liveness.identify(hello(1, "b"))).toBe(true)
  expect(liveness.identify(hello(1, "b", "other"))).toBe(true)
})
