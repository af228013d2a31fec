/**
 * Whatever happens to a link from clients, in any order: what a side gets on a connection is a
 * beginning of what the other has sent. A byte may be missing at the end, never in the middle.
 */
import { expect, test } from "bun:test"
import { stream } from "../../../raft/prng.ts"
import type { Prng } from "../../../raft/prng.ts"
import type { LinkTrouble } from "../../../src/chaos/network.ts"
import { Proxied, clientLink, frameOf, until } from "./proxied.ts"
import type { End } from "./proxied.ts"

const seeds = [1, 2, 3, 4, 5, 6]
const stepsPerSeed = 40

function troubleFrom(chance: Prng): LinkTrouble {
  const cuts = ["drop", "refuse", "hold"] as const
  const cut = cuts[chance.below(9)]
  return {
    ...(cut === undefined ? {} : { cut }),
    ...(chance.below(3) === 0 ? { latencyMs: chance.below(20), jitterMs: chance.below(10) } : {}),
    ...(chance.below(4) === 0 ? { bytesPerSecond: 20_000 + chance.below(500_000) } : {}),
    ...(chance.below(4) === 0 ? { dropResponsePerMille: chance.below(300) } : {}),
  }
}

/** One side of one connection: what it has sent. */
class Sender {
  readonly end: End
  private readonly chunks: Array<Buffer> = []

  constructor(end: End) {
    this.end = end
  }

  send(bytes: Buffer): void {
    if (this.end.closed || this.end.socket.writableEnded) return
    this.chunks.push(bytes)
    this.end.socket.write(bytes)
  }

  get sent(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

function isBeginning(part: Buffer, whole: Buffer): boolean {
  return part.length <= whole.length && part.equals(whole.subarray(0, part.length))
}

const nameOf = (number: number) => `<${number}>`

/** Random bytes that name their connection first, so that the two ends can be put together. */
const payload = (chance: Prng, name: string): Buffer => {
  const body = Buffer.alloc(chance.below(12) === 0 ? chance.below(200_000) : chance.below(300))
  for (let i = 0; i < body.length; i += 97) body[i] = chance.below(256)
  return frameOf(Buffer.concat([Buffer.from(name), body]))
}

test.each(seeds)("seed %d", async (seed) => {
  const chance = stream(seed, "random troubles")
  await using proxied = await Proxied.start({ seed })
  const clients: Array<Sender> = []
  const servers = new Map<End, Sender>()
  for (let step = 0; step < stepsPerSeed; step++) {
    const what = chance.below(10)
    if (what < 3) proxied.proxy.trouble(clientLink, troubleFrom(chance))
    else if (what === 3) proxied.proxy.heal(clientLink)
    else if (what === 4 && chance.below(4) === 0) proxied.proxy.reset(clientLink)
    else if (what < 7) clients.push(new Sender(await proxied.dial()))
    for (const [number, client] of clients.entries()) {
      if (chance.below(3) === 0) client.send(payload(chance, nameOf(number)))
      if (chance.below(40) === 0) client.end.socket.end()
      if (chance.below(60) === 0) client.end.socket.resetAndDestroy()
    }
    for (const end of proxied.ends) {
      const server = servers.get(end) ?? new Sender(end)
      servers.set(end, server)
      if (chance.below(3) === 0) server.send(payload(chance, "server"))
      if (end.finished && chance.below(4) === 0) end.socket.end()
    }
    await Bun.sleep(chance.below(6))
  }
  proxied.proxy.healAll()
  const last = await proxied.dial()
  last.socket.write(frameOf("after all"))
  // Those that were held are only now accepted, perhaps behind it.
  await until("the last words", () => proxied.ends.some((end) => end.says("after all")))

  let met = 0
  for (const server of servers.values()) {
    const name = /<(\d+)>/.exec(server.end.received.subarray(4, 12).toString())?.[1]
    const client = clients[Number(name)]
    if (name === undefined || client === undefined) continue
    met++
    expect(isBeginning(server.end.received, client.sent)).toBe(true)
    expect(isBeginning(client.end.received, server.sent)).toBe(true)
  }
  expect(met).toBeGreaterThan(0)
  const ends = [...clients.map(({ end }) => end), ...proxied.ends]
  const received = ends.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0)
  expect(proxied.counters.bytes).toBeGreaterThanOrEqual(received)
  proxied.proxy.dispose()
  await until("every connection to be over", () => proxied.connections === 0)
})
