/** Single frames between brokers: Raft's are troubled, the others keep their order. */
import { describe, expect, test } from "bun:test"
import { PEER_MAGIC, encodePeerFrame } from "../../../src/peer/codec.ts"
import type { PeerFrame } from "../../../src/peer/codec.ts"
import type { FrameTrouble } from "../../../src/chaos/network.ts"
import { FrameSplitter } from "../../../src/protocol/frame.ts"
import { Proxied, peerLink, until } from "./proxied.ts"

const bytesOf = (frame: PeerFrame) => Buffer.concat(encodePeerFrame(frame))

/** Frames that can be told apart by a number. */
const raft = (term: number) =>
  bytesOf({
    _tag: "Raft",
    group: 1,
    appliedMetadataIndex: 0,
    message: { _tag: "TimeoutNow", from: "1@a", to: "0@b", term },
  })
const other = (correlationId: number) =>
  bytesOf({ _tag: "Request", correlationId, frame: new Uint8Array(300) })

/** "r7" for raft(7), "o7" for other(7). */
function names(received: Buffer): ReadonlyArray<string> {
  expect(received.subarray(0, 8).equals(PEER_MAGIC)).toBe(true)
  return new FrameSplitter(1 << 20).push(received.subarray(8)).map((frame) => {
    const view = Buffer.from(frame)
    // Behind type, group, metadata index and code of a Raft frame comes its term.
    return view[0] === 3 ? `r${view.readBigInt64BE(14)}` : `o${view.readInt32BE(1)}`
  })
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
const ofKind = (kind: string, all: ReadonlyArray<string>) =>
  all.filter((name) => name.startsWith(kind))

async function sent(trouble: FrameTrouble, stream: ReadonlyArray<Buffer>, expected: number) {
  const proxied = await Proxied.start({ link: peerLink, protocol: "varve-peers", seed: 5 })
  proxied.proxy.trouble(peerLink, { frames: trouble })
  const { client, server } = await proxied.pair()
  client.socket.write(Buffer.concat([PEER_MAGIC, ...stream]))
  await until(`${expected} bytes`, () => server.receivedBytes >= expected + 8)
  return { proxied, client, server }
}

const lengthOf = (stream: ReadonlyArray<Buffer>) => stream.reduce((sum, b) => sum + b.length, 0)
const mixed = numbers(40).flatMap((i) => [raft(i), other(i)])

describe("between brokers", () => {
  test("frames of Raft are held back, and others overtake them", async () => {
    const { proxied, server } = await sent(
      { delayPerMille: 300, holdMs: 60 },
      mixed,
      lengthOf(mixed),
    )
    await using _ = proxied
    const all = names(server.received)
    expect(ofKind("o", all)).toEqual(numbers(40).map((i) => `o${i}`))
    expect(ofKind("r", all).toSorted()).toEqual(
      numbers(40)
        .map((i) => `r${i}`)
        .toSorted(),
    )
    const { heldFrames } = proxied.counters
    expect(heldFrames).toBeGreaterThan(3)
    expect(heldFrames).toBeLessThan(25)
    // Those that were held come behind everything else, in the order in which they were sent.
    const late = ofKind("r", all.slice(all.indexOf("o40") + 1))
    expect(late.length).toBe(heldFrames)
  })

  test("frames of Raft are sent twice, one behind the other", async () => {
    const { proxied, server } = await sent({ duplicatePerMille: 1000 }, mixed, 0)
    await using _ = proxied
    await until("the end", () => names(server.received).at(-1) === "o40")
    expect(names(server.received)).toEqual(numbers(40).flatMap((i) => [`r${i}`, `r${i}`, `o${i}`]))
    expect(proxied.counters.duplicatedFrames).toBe(40)
  })

  test("frames of Raft are overtaken by the next one", async () => {
    const stream = numbers(9).map((i) => raft(i))
    const { proxied, server } = await sent({ reorderPerMille: 1000 }, stream, lengthOf(stream))
    await using _ = proxied
    // The last has nobody behind it: it comes by itself after a while, and counts as none.
    expect(names(server.received)).toEqual(["r2", "r1", "r4", "r3", "r6", "r5", "r8", "r7", "r9"])
    expect(proxied.counters.reorderedFrames).toBe(4)
  })

  test("nothing comes between the parts of a frame", async () => {
    await using proxied = await Proxied.start({ link: peerLink, protocol: "varve-peers" })
    proxied.proxy.trouble(peerLink, { frames: { delayPerMille: 1000, holdMs: 20 } })
    const { client, server } = await proxied.pair()
    const long = other(2)
    client.socket.write(Buffer.concat([PEER_MAGIC, raft(1), long.subarray(0, 100)]))
    await until("the time to come", () => server.receivedBytes === 108)
    await Bun.sleep(40)
    client.socket.write(long.subarray(100))
    await until("both", () => server.receivedBytes === 8 + long.length + raft(1).length)
    expect(names(server.received)).toEqual(["o2", "r1"])
  })

  test("what is held arrives when the trouble ends, and before the end of the link", async () => {
    const trouble = { delayPerMille: 1000, holdMs: 60_000 }
    const stream = [raft(1), raft(2), other(1)]
    const { proxied, client, server } = await sent(trouble, stream, other(1).length)
    await using _ = proxied
    expect(names(server.received)).toEqual(["o1"])
    proxied.proxy.heal(peerLink)
    await until("the rest", () => server.receivedBytes === 8 + lengthOf(stream))
    expect(names(server.received)).toEqual(["o1", "r1", "r2"])
    proxied.proxy.trouble(peerLink, { frames: trouble })
    client.socket.end(raft(3))
    await until("the end", () => server.finished)
    expect(names(server.received).at(-1)).toBe("r3")
  })

  test("what comes back on the link is left alone", async () => {
    const { proxied, client, server } = await sent({ duplicatePerMille: 1000 }, [raft(1)], 0)
    await using _ = proxied
    const sign = bytesOf({ _tag: "Heartbeat", appliedMetadataIndex: 0, lowSpace: false })
    server.socket.write(sign)
    await until("the sign", () => client.receivedBytes > 0)
    expect(client.received.equals(sign)).toBe(true)
  })
})
