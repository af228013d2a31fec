import { afterEach, beforeEach, expect, spyOn, test } from "bun:test"
import { ProcessClock } from "../../src/broker/clock.ts"
import { NodeLoop } from "../../src/broker/loop.ts"
import type { BrokerMachine, ClientRequest } from "../../src/node/node.ts"

const request: ClientRequest = {
  apiKey: 0,
  apiVersion: 9,
  clientId: null,
  connection: { id: 1, host: "test" },
  body: {},
  receivedMs: 0,
}

const loops: NodeLoop[] = []
/** Only requests take time: a busy machine must not make any of them longer. */
let nowMs = 0
let restore = () => {}
beforeEach(() => {
  const now = spyOn(performance, "now").mockImplementation(() => nowMs)
  restore = () => now.mockRestore()
})
afterEach(() => {
  restore()
  for (const loop of loops.splice(0)) loop.stop()
})

const unused = (): never => {
  throw new Error("not part of this test")
}

/** A machine whose requests take `requestMs` and that is done after some flushes. */
function loopOver(requestMs: number, flushesNeeded = 1) {
  let flushes = 0
  const flushed = Promise.withResolvers<void>()
  const machine: BrokerMachine = {
    setting: () => null,
    ready: true,
    refusal: null,
    damaged: unused,
    request: () => {
      nowMs += requestMs
    },
    flush: () => {
      flushes++
      if (flushes === flushesNeeded) flushed.resolve()
      return flushes < flushesNeeded
    },
    start: unused,
    tick: unused,
    hello: unused,
    peerConnected: unused,
    peerHello: unused,
    peerClosed: unused,
    peerFrame: unused,
    durable: unused,
    cancel: unused,
    served: unused,
    status: unused,
    shutdown: unused,
  }
  const loop = new NodeLoop({ clock: new ProcessClock(), tickMs: 25, onFatal: unused })
  loops.push(loop)
  loop.attach(machine)
  return { loop, flushed: flushed.promise, flushes: () => flushes }
}

test("requests that take long leave the turn to others, and have time again in the next", async () => {
  const { loop, flushed } = loopOver(11)
  loop.submit(request, () => {})
  expect(loop.requestBudgetSpent).toBe(false)
  loop.submit(request, () => {})
  expect(loop.requestBudgetSpent).toBe(true)
  await flushed
  expect(loop.requestBudgetSpent).toBe(false)
})

test("a machine that has more to do is flushed again in the next turn", async () => {
  const { loop, flushed, flushes } = loopOver(0, 3)
  loop.submit(request, () => {})
  await flushed
  expect(flushes()).toBe(3)
})

test("many quick requests fit one turn", () => {
  const { loop } = loopOver(0)
  for (let i = 0; i < 1000; i++) loop.submit(request, () => {})
  expect(loop.requestBudgetSpent).toBe(false)
})
