/** What a whole link suffers. */
import { describe, expect, test } from "bun:test"
import { Proxied, clientLink, frameOf, peerLink, until } from "./proxied.ts"

const frames = (...bodies: ReadonlyArray<string>) => Buffer.concat(bodies.map(frameOf))

describe("drop", () => {
  test("whole frames vanish both ways, the link looks alive, the heal resets it", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    const [first, second] = [frameOf("a request under way"), frameOf("never seen")]
    client.socket.write(first.subarray(0, 9))
    await until("a part of it", () => server.receivedBytes === 9)
    proxied.proxy.trouble(clientLink, { cut: "drop" })
    client.socket.write(first.subarray(9))
    client.socket.write(second)
    server.socket.write(frameOf("an answer"))
    await until("drops", () => proxied.counters.droppedFrames === 2)
    await server.gets("under way")
    expect(server.received.equals(first)).toBe(true)
    expect(client.receivedBytes).toBe(0)
    expect([client.closed, server.closed]).toEqual([false, false])
    expect(proxied.counters.droppedBytes).toBe(second.length + 4 + "an answer".length)
    proxied.proxy.heal(clientLink)
    await Promise.all([client.getsReset(), server.getsReset()])
    expect(proxied.counters.resets).toBe(1)
    const after = await proxied.pair()
    after.client.socket.write(frameOf("hello"))
    await after.server.gets("hello")
  })

  test("who dials meanwhile hears nothing, and the broker nothing of it", async () => {
    await using proxied = await Proxied.start()
    proxied.proxy.trouble(clientLink, { cut: "drop" })
    const client = await proxied.dial()
    client.socket.write(frameOf("hello?"))
    await until("the drop", () => proxied.counters.droppedFrames === 1)
    expect([client.error, client.closed, proxied.ends.length]).toEqual([undefined, false, 0])
    proxied.proxy.healAll()
    await client.getsReset()
    expect(proxied.ends.length).toBe(0)
    await until("the proxy to forget", () => proxied.connections === 0)
  })

  test("the end of one side is not told to the other before the heal", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { cut: "drop" })
    client.socket.destroy()
    await Bun.sleep(30)
    expect([server.finished, server.closed]).toEqual([false, false])
    proxied.proxy.heal(clientLink)
    await server.getsReset()
    await until("the proxy to forget", () => proxied.connections === 0)
  })
})

describe("refuse", () => {
  test("resets what there is, and whoever comes", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { cut: "refuse" })
    await Promise.all([client.getsReset(), server.getsReset()])
    const late = await proxied.dial()
    await until("the refusal", () => late.closed)
    expect(late.error).toBe("ECONNRESET")
    expect(proxied.counters).toMatchObject({ connections: 1, refused: 1, resets: 1 })
    proxied.proxy.heal(clientLink)
    await proxied.pair()
  })
})

describe("hold", () => {
  test("nothing moves until the heal, nothing is lost", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { cut: "hold" })
    client.socket.write(frames("one", "two"))
    server.socket.end(frames("three"))
    const late = await proxied.dial()
    late.socket.write(frames("four"))
    await until("frames held", () => proxied.counters.heldFrames === 4)
    expect([server.receivedBytes, client.receivedBytes, client.finished]).toEqual([0, 0, false])
    expect(proxied.ends.length).toBe(1)
    proxied.proxy.heal(clientLink)
    await server.gets("two")
    await until("the end", () => client.finished)
    expect(client.received.equals(frames("three"))).toBe(true)
    await (await proxied.accepted(1)).gets("four")
    expect(proxied.counters).toMatchObject({ resets: 0, droppedBytes: 0 })
    expect(proxied.counters.delayedBytes).toBe(frames("one", "two", "three", "four").length)
  })

  test("a request arrives late on the connection that its client has given up", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { cut: "hold" })
    client.socket.write(frameOf("produce"))
    await until("the frame", () => proxied.counters.heldFrames === 1)
    client.socket.resetAndDestroy()
    await until("it to be gone", () => client.closed)
    await Bun.sleep(20)
    expect([server.receivedBytes, server.closed]).toEqual([0, false])
    proxied.proxy.heal(clientLink)
    await server.gets("produce")
    await server.getsReset()
  })

  test("who writes on is slowed down, not stored without end", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { cut: "hold" })
    const chunk = Buffer.alloc(1024 * 1024, "x")
    let open = true
    let written = 0
    for (let i = 0; i < 100 && open; i++) {
      open = client.socket.write(chunk)
      written += chunk.length
      if (!open) await Bun.sleep(5)
    }
    expect(written).toBeLessThan(60 * chunk.length)
    proxied.proxy.heal(clientLink)
    await until("all of it", () => server.receivedBytes === written)
  })
})

describe("slow links", () => {
  test("latency both ways, bytes in order", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { latencyMs: 60, jitterMs: 30 })
    const fromMs = performance.now()
    const words = Array.from({ length: 20 }, (_, i) => `word ${i};`)
    for (const word of words) {
      client.socket.write(word)
      await Bun.sleep(1)
    }
    await server.gets("word 19;")
    expect(performance.now() - fromMs).toBeGreaterThan(75)
    expect(server.received.toString()).toBe(words.join(""))
    const backMs = performance.now()
    server.socket.write("answer")
    await client.gets("answer")
    expect(performance.now() - backMs).toBeGreaterThan(55)
    expect(proxied.counters.delayedBytes).toBe(words.join("").length + 6)
  })

  test("what is still on its way when the trouble ends arrives at once", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { latencyMs: 20_000 })
    client.socket.write("late")
    await until("the bytes", () => proxied.counters.delayedBytes === 4)
    proxied.proxy.heal(clientLink)
    client.socket.end(" and soon")
    await until("the end", () => server.finished)
    expect(server.received.toString()).toBe("late and soon")
  })

  test("a new trouble knows nothing of the one before", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { latencyMs: 20_000, bytesPerSecond: 1 })
    client.socket.write("late;")
    await until("the bytes", () => proxied.counters.delayedBytes === 5)
    proxied.proxy.heal(clientLink)
    proxied.proxy.trouble(clientLink, { latencyMs: 20, bytesPerSecond: 10_000 })
    client.socket.write("soon")
    await server.gets("late;soon")
  })

  test("who hangs up has still sent what is under way", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { latencyMs: 100 })
    client.socket.end("last words")
    await until("the end", () => server.finished)
    expect(server.received.toString()).toBe("last words")
  })

  test("bandwidth is a link's, not a connection's", async () => {
    await using proxied = await Proxied.start()
    const [one, two] = [await proxied.pair(), await proxied.pair()]
    proxied.proxy.trouble(clientLink, { bytesPerSecond: 200_000 })
    const fromMs = performance.now()
    one.client.socket.write(Buffer.alloc(30_000))
    two.client.socket.write(Buffer.alloc(30_000))
    await until("all", () => one.server.receivedBytes + two.server.receivedBytes === 60_000)
    const tookMs = performance.now() - fromMs
    expect(tookMs).toBeGreaterThan(280)
    expect(tookMs).toBeLessThan(1500)
  })
})

describe("the link as a whole", () => {
  test("reset says how many connections it has hit", async () => {
    await using proxied = await Proxied.start()
    const pairs = [await proxied.pair(), await proxied.pair()]
    expect(proxied.proxy.reset(clientLink)).toBe(2)
    await Promise.all(
      pairs.flatMap(({ client, server }) => [client.getsReset(), server.getsReset()]),
    )
    expect(proxied.counters.resets).toBe(2)
    await until("the proxy to forget", () => proxied.connections === 0)
    expect(proxied.proxy.reset(clientLink)).toBe(0)
  })

  test("a trouble that a link cannot have is refused, and changes nothing", async () => {
    await using proxied = await Proxied.start()
    expect(() => proxied.proxy.trouble(clientLink, { frames: {} })).toThrow("frames of Raft")
    expect(() => proxied.proxy.trouble(clientLink, { bytesPerSecond: 0 })).toThrow("0 bytes")
    expect(() => proxied.proxy.trouble(peerLink, {})).toThrow("no link 1→0")
    await using ofPeers = await Proxied.start({ link: peerLink, protocol: "varve-peers" })
    const lossy = { dropResponsePerMille: 1 }
    expect(() => ofPeers.proxy.trouble(peerLink, lossy)).toThrow("wait for responses")
  })

  test("nothing of it is left open afterwards", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    proxied.proxy.trouble(clientLink, { cut: "hold", latencyMs: 60_000 })
    client.socket.write(frameOf("x"))
    await until("it", () => proxied.counters.delayedBytes === 5)
    proxied.proxy.dispose()
    await Promise.all([client.getsReset(), server.getsReset()])
    expect((await proxied.dial()).error).toBe("ECONNREFUSED")
  })
})

describe("lost responses", () => {
  test("a whole one is missing, and the connection is reset behind it", async () => {
    const seen: Array<string> = []
    await using proxied = await Proxied.start({
      seed: 3,
      tap: ({ direction, bytes, lost }) => {
        seen.push(`${direction} ${Buffer.from(bytes).toString()}${lost ? " lost" : ""}`)
      },
    })
    proxied.proxy.trouble(clientLink, { dropResponsePerMille: 1000 })
    const { client, server } = await proxied.pair()
    client.socket.write(frameOf("produce"))
    await server.gets("produce")
    server.socket.write(frameOf("done"))
    await Promise.all([client.getsReset(), server.getsReset()])
    expect(client.receivedBytes).toBe(0)
    expect(proxied.counters).toMatchObject({ droppedResponses: 1, resets: 1 })
    expect(seen).toEqual(["request produce", "response done lost"])
    proxied.proxy.heal(clientLink)
    const after = await proxied.pair()
    after.server.socket.write(frameOf("again"))
    await after.client.gets("again")
    expect(seen.at(-1)).toBe("response again")
  })

  test("about as many as were asked for, never a request", async () => {
    await using proxied = await Proxied.start()
    proxied.proxy.trouble(clientLink, { dropResponsePerMille: 200 })
    let lost = 0
    for (let i = 0; i < 60; i++) {
      const { client, server } = await proxied.pair()
      client.socket.write(frameOf(`${i};`))
      await server.gets(`${i};`)
      server.socket.write(frameOf(`${i}.`))
      await until("either", () => client.closed || client.receivedBytes > 0)
      if (client.closed) lost++
      client.socket.destroy()
    }
    expect(proxied.counters.droppedResponses).toBe(lost)
    expect(lost).toBeGreaterThan(3)
    expect(lost).toBeLessThan(30)
  })
})
