import { afterEach, expect, test } from "bun:test"
import { until } from "../../scripts/harness/until.ts"
import { PEER_MAGIC, encodePeerFrame, peerVersion } from "../../src/peer/codec.ts"
import type { PeerFrame } from "../../src/peer/codec.ts"
import { bulkBytesMax } from "../../src/peer/outbound-link.ts"
import { PeerTransport } from "../../src/peer/transport.ts"
import type { Admission, Hello, PeerEvents } from "../../src/peer/transport.ts"
import { RawSocket } from "../support/raw-socket.ts"

const open: Array<{ stop(): void }> = []
afterEach(() => {
  for (const one of open.splice(0)) one.stop()
})

const helloOf = (nodeId: number, clusterId = "c"): Hello => ({
  _tag: "Hello",
  version: peerVersion,
  clusterId,
  nodeId,
  diskUuid: `disk${nodeId}`,
  incarnation: "i",
  appliedMetadataIndex: 0,
  heights: [],
  witnessedDisk: "",
  witnessed: [],
})

/** One broker's transport behind a listener of its own; what happens to it, in order. */
class Side {
  readonly nodeId: number
  readonly happened: string[] = []
  readonly frames: PeerFrame[] = []
  readonly complaints: string[] = []
  admit: (hello: Hello) => Admission = () => ({ _tag: "ok" })
  private transport: PeerTransport | undefined
  private server: { readonly port: number; stop(force?: boolean): void } | undefined
  private readonly clusterId: string

  constructor(nodeId: number, clusterId = "c") {
    this.nodeId = nodeId
    this.clusterId = clusterId
    open.push(this)
  }

  get links(): PeerTransport {
    if (this.transport === undefined) throw new Error("not started")
    return this.transport
  }

  listen(port = 0): number {
    this.server = Bun.listen<{
      link: ReturnType<PeerTransport["accept"]> | undefined
      first: boolean
    }>({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          socket.data = { link: this.links.accept(socket, "peer"), first: true }
        },
        data: (socket, chunk) => {
          const from = socket.data.first ? PEER_MAGIC.length : 0
          socket.data.first = false
          if (chunk.length > from) socket.data.link?.data(chunk.subarray(from))
        },
        end: (socket) => socket.data.link?.end(),
        close: (socket) => socket.data.link?.close(),
      },
    })
    return this.server.port
  }

  dial(peers: ReadonlyArray<{ nodeId: number; port: number }>): void {
    this.transport = new PeerTransport(
      peers.map((peer) => ({ ...peer, host: "127.0.0.1" })),
      this.events(),
    )
    this.transport.start()
  }

  closeListener(): void {
    this.server?.stop(true)
  }

  stop(): void {
    this.transport?.stop()
    this.server?.stop(true)
  }

  private events(): PeerEvents {
    return {
      ownMember: `${this.nodeId}/disk${this.nodeId}`,
      memberOf: (nodeId, diskUuid) => `${nodeId}/${diskUuid}`,
      nowMs: () => performance.now(),
      hello: () => helloOf(this.nodeId, this.clusterId),
      connected: (nodeId) => {
        this.happened.push(`connected ${nodeId}`)
        return { _tag: "ok" }
      },
      accepted: (nodeId, hello) => {
        const admission = this.admit(hello)
        this.happened.push(`${admission._tag} ${nodeId}`)
        return admission
      },
      closed: (nodeId, refused) => {
        this.happened.push(`closed ${nodeId}${refused ? " refused" : ""}`)
      },
      frame: (_, frame) => {
        this.frames.push(frame)
      },
      complain: (line) => {
        this.complaints.push(line)
      },
    }
  }
}

/** Sides 0 and 1, each with a link to the other. */
async function pair(): Promise<readonly [Side, Side]> {
  const [a, b] = [new Side(0), new Side(1)]
  a.dial([])
  b.dial([])
  const [portA, portB] = [a.listen(), b.listen()]
  a.dial([{ nodeId: 1, port: portB }])
  b.dial([{ nodeId: 0, port: portA }])
  await until(
    "both links",
    () => a.happened.includes("connected 1") && b.happened.includes("connected 0"),
  )
  return [a, b]
}

const request = (correlationId: number, bytes = 0): PeerFrame => ({
  _tag: "Request",
  correlationId,
  frame: new Uint8Array(bytes),
})

test("both ends say Hello, and frames of a turn arrive in order, heartbeats first", async () => {
  const [a, b] = await pair()
  expect(b.happened).toContain("ok 0")
  for (let i = 1; i <= 50; i++) expect(a.links.send(1, request(i, i * 1000))).toBe(true)
  expect(a.links.send(1, { _tag: "Heartbeat", appliedMetadataIndex: 9, lowSpace: false })).toBe(
    true,
  )
  a.links.flush()
  await until("51 frames", () => b.frames.length === 51)
  expect(b.frames[0]?._tag).toBe("Heartbeat")
  const ids = b.frames.flatMap((f) => (f._tag === "Request" ? [f.correlationId] : []))
  expect(ids).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
})

test("a raft message gets its sender from the link, not from the bytes", async () => {
  const [a, b] = await pair()
  const message = { _tag: "TimeoutNow" as const, from: "x", to: "y", term: 3 }
  a.links.send(1, { _tag: "Raft", group: 5, appliedMetadataIndex: 1, message })
  a.links.flush()
  await until("the frame", () => b.frames.length === 1)
  const [frame] = b.frames
  expect(frame?._tag === "Raft" && frame.message).toMatchObject({
    from: "0/disk0",
    to: "1/disk1",
    term: 3,
  })
})

test("a refused dial is told at once and tried again until somebody listens", async () => {
  const a = new Side(0)
  const reserved = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  const { port } = reserved
  reserved.stop(true)
  a.dial([{ nodeId: 1, port }])
  await until(
    "three refusals",
    () => a.happened.filter((h) => h === "closed 1 refused").length >= 3,
  )
  expect(a.links.send(1, request(1))).toBe(false)
  const b = new Side(1)
  b.dial([])
  b.listen(port)
  await until("the link", () => a.happened.at(-1) === "connected 1")
})

test("a peer that goes: closed, dialled again at once, refused", async () => {
  const [a, b] = await pair()
  a.happened.length = 0
  b.stop()
  await until("the refusal", () => a.happened.includes("closed 1 refused"))
  expect(a.happened[0]).toBe("closed 1")
})

test("an unwelcome peer is closed with one line and gets no Hello", async () => {
  const [a, b] = [new Side(0, "another cluster"), new Side(1)]
  b.dial([])
  b.admit = (hello) =>
    hello.clusterId === "c"
      ? { _tag: "ok" }
      : { _tag: "refused", reason: `cluster ${hello.clusterId}` }
  a.dial([{ nodeId: 1, port: b.listen() }])
  await until("two tries", () => b.happened.filter((h) => h === "refused 0").length >= 2)
  expect(b.complaints[0]).toBe("peer link from peer refused: cluster another cluster")
  expect(a.happened).not.toContain("connected 1")
  expect(a.links.send(1, request(1))).toBe(false)
})

test("another broker behind the address is not taken for the one that was meant", async () => {
  const [a, b] = [new Side(0), new Side(2)]
  b.dial([])
  a.dial([{ nodeId: 1, port: b.listen() }])
  await until("the complaint", () => a.complaints.length > 0)
  expect(a.complaints[0]).toContain("broker 2 answers there")
  expect(a.happened).not.toContain("connected 1")
})

test("bytes that are no Hello, or no frame, close the link with one line", async () => {
  const b = new Side(1)
  b.dial([])
  const port = b.listen()
  const heartbeat = encodePeerFrame({ _tag: "Heartbeat", appliedMetadataIndex: 0, lowSpace: false })
  const wrongVersion = Buffer.concat(encodePeerFrame(helloOf(0)))
  wrongVersion.writeInt32BE(99, 5)
  for (const [bytes, reason] of [
    [Buffer.concat(heartbeat), "a Heartbeat before the Hello"],
    [Buffer.from([0x7f, 0xff, 0xff, 0xff, 1]), "peer link from peer refused"],
    [wrongVersion, "the peer speaks version 99"],
    [Buffer.from([0, 0, 0, 1, 200]), "a peer frame of type 200"],
  ] as const) {
    b.complaints.length = 0
    const raw = await RawSocket.connect(port)
    raw.write(Buffer.concat([PEER_MAGIC, bytes]))
    await until("the end of the link", () => raw.closed)
    expect(b.complaints.length).toBe(1)
    expect(b.complaints[0]).toContain(reason)
    raw.destroy()
  }
  expect(b.happened).toEqual([])
})

test("a new link of the same peer voids the older one", async () => {
  const b = new Side(1)
  b.dial([])
  const port = b.listen()
  const hello = Buffer.concat([PEER_MAGIC, ...encodePeerFrame(helloOf(0))])
  const first = await RawSocket.connect(port)
  first.write(hello)
  await until("our Hello", () => first.received.length > 0)
  const second = await RawSocket.connect(port)
  second.write(hello)
  await until("the older one to be closed", () => first.closed)
  expect(second.closed).toBe(false)
})

test("a link on which nothing comes back is dropped and dialled anew", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  open.push({ stop: () => silent.stop(true) })
  const a = new Side(0)
  a.dial([{ nodeId: 1, port: silent.port }])
  await until("the greeting", () => a.happened.length === 0 && a.links.queuedBytes(1) === 0)
  await Bun.sleep(30)
  a.links.sweep(performance.now() + 1000)
  expect(a.happened).toEqual([])
  a.links.sweep(performance.now() + 2500)
  expect(a.happened).toEqual(["closed 1"])
})

test("what waits for a peer that does not read is bounded; heartbeats still queue", async () => {
  const [a, b] = await pair()
  b.closeListener()
  const stuck = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.write(Buffer.concat(encodePeerFrame(helloOf(3))))
      },
      data: (socket) => {
        socket.pause()
      },
    },
  })
  open.push({ stop: () => stuck.stop(true) })
  const c = new Side(2)
  c.dial([{ nodeId: 3, port: stuck.port }])
  await until("the link", () => c.happened.includes("connected 3"))
  const megabyte = request(1, 1024 * 1024)
  let sent = 0
  while (c.links.send(3, megabyte) && sent < 1000) {
    sent++
    c.links.flush()
  }
  expect(sent).toBeLessThan(100)
  expect(c.links.queuedBytes(3)).toBeLessThan(bulkBytesMax + 3 * 1024 * 1024)
  expect(c.links.send(3, { _tag: "Heartbeat", appliedMetadataIndex: 0, lowSpace: false })).toBe(
    true,
  )
  a.stop()
})
