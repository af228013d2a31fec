/** Clients that stand still, and producers that go on although they have a successor. */
import { FaultImpossible } from "../fault.ts"
import type { Effect, Fault, FaultContext, Injected } from "../fault.ts"
import type { ClientControl } from "../workload.ts"
import { needsOf } from "./needs.ts"
import { oneOf, someOf } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

/** What was under way when it was told to stand still may end. */
const graceMs = 150

/** A member of a group if there is one: longer than its session it is put out of the group. */
export const consumerPause = (tools: FaultTools): Fault => ({
  kind: "consumer-pause",
  needs: needsOf["consumer-pause"],
  async inject(context): Promise<Injected> {
    const { chance, clients, clock } = context
    const members = clients.filter(({ role }) => role === "member")
    const readers = clients.filter(({ role }) => role === "consumer")
    const victim = oneOf(chance, members.length > 0 ? members : readers, "consumer to pause")
    const begun = victim.operations
    victim.pause()
    await clock.sleep(graceMs)
    const before = victim.operations
    return {
      target: victim.name,
      nodes: [],
      verify: () => stoodStill(victim, { begun, before }, tools),
      heal: () => Promise.resolve(victim.resume()),
    }
  },
})

async function stoodStill(
  { name, operations, pid }: ClientControl,
  { begun, before }: { readonly begun: number; readonly before: number },
  tools: FaultTools,
): Promise<Effect> {
  if (pid !== undefined) {
    const state = await tools.processState(pid)
    const evidence = `${name} (pid ${pid}) is ${state}`
    if (state === "stopped") return { effective: true, evidence }
  }
  if (operations > before) {
    return { effective: false, evidence: `${name} began ${operations - before} operations` }
  }
  if (begun === 0) return { effective: false, evidence: `${name} had not begun anything` }
  return { effective: true, evidence: `${name} began nothing more after ${before} operations` }
}

/**
 * The successor begins while the old one stands still, as after a long pause of its process, or
 * while it goes on sending.
 */
export const zombieProducer: Fault = {
  kind: "zombie-producer",
  needs: needsOf["zombie-producer"],
  async inject(context, untilMs): Promise<Injected> {
    const { chance, clock, signal } = context
    const stands = chance.below(2) === 0
    const { client, before } = await succeeded(context, stands)
    try {
      if (stands) await clock.sleep(Math.max(0, (untilMs - clock.nowMs()) / 2), signal)
    } finally {
      if (stands) client.resume()
    }
    return {
      target: `${client.name}, ${stands ? "paused until its successor was there" : "not paused"}`,
      nodes: [],
      verify: () => Promise.resolve(hasSuccessor(client, before)),
      heal: () => Promise.resolve(),
    }
  },
}

interface Before {
  readonly operations: number
  readonly successors: number
}

/** The first that can have one now; it is paused before, if it shall be. */
async function succeeded({ chance, clients }: FaultContext, stands: boolean) {
  const able = clients.filter((one) => one.beget !== undefined)
  let why = "there is no producer that can have a successor"
  for (const client of someOf(chance, able, able.length)) {
    const before: Before = { operations: client.operations, successors: client.successors ?? 0 }
    if (stands) client.pause()
    try {
      await client.beget?.()
      return { client, before }
    } catch (error) {
      if (stands) client.resume()
      why = error instanceof Error ? error.message : String(error)
    }
  }
  throw new FaultImpossible(why)
}

function hasSuccessor({ name, operations, successors }: ClientControl, before: Before): Effect {
  const since = operations - before.operations
  const born = (successors ?? before.successors + 1) - before.successors
  const evidence = `${name} has ${born} more successors, they and it began ${since} operations`
  return { effective: since > 0 && born > 0, evidence }
}
