/** A link without trouble carries what TCP carries. */
import { describe, expect, test } from "bun:test"
import { Proxied, until } from "./proxied.ts"

const megabytes = (count: number): Buffer => {
  const bytes = Buffer.alloc(count * 1024 * 1024)
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE((i * 2654435761) >>> 0, i)
  return bytes
}

const hash = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex")

describe("bytes", () => {
  test("both ways at once, exactly, at any speed of the reader", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    const [there, back] = [megabytes(24), megabytes(16)]
    server.socket.pause()
    client.socket.write(there)
    server.socket.write(back)
    await until("the answer", () => client.receivedBytes === back.length)
    // The server does not read: what is on the way stays within bounds.
    await Bun.sleep(50)
    const taken = there.length - client.socket.writableLength
    expect(taken).toBeLessThan(20 * 1024 * 1024)
    server.socket.resume()
    await until("all", () => server.receivedBytes === there.length)
    expect(hash(server.received)).toBe(hash(there))
    expect(hash(client.received)).toBe(hash(back))
    expect(proxied.counters.bytes).toBe(there.length + back.length)
    expect(proxied.counters.droppedBytes + proxied.counters.delayedBytes).toBe(0)
  })

  test("what the proxy keeps for a reader that does not read is bounded", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    server.socket.pause()
    const before = process.memoryUsage.rss()
    const chunk = megabytes(1)
    let written = 0
    let open = true
    client.socket.on("drain", () => (open = true))
    for (let i = 0; i < 400 && open; i++) {
      open = client.socket.write(chunk)
      written++
      if (!open) await Bun.sleep(5)
    }
    expect(written).toBeLessThan(60)
    expect(process.memoryUsage.rss() - before).toBeLessThan(120 * 1024 * 1024)
  })
})

describe("ends", () => {
  test("a side that has said all still gets the answer", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    client.socket.end("question")
    await until("the question and its end", () => server.finished)
    expect(server.received.toString()).toBe("question")
    expect(client.finished).toBe(false)
    server.socket.end("answer")
    await until("the answer and its end", () => client.finished)
    expect(client.received.toString()).toBe("answer")
    await until("both to be closed", () => client.closed && server.closed)
    await until("the proxy to forget", () => proxied.connections === 0)
  })

  test("the other way round: the server ends first, the client goes on", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    server.socket.end("greeting")
    await until("the greeting", () => client.finished)
    client.socket.end("bye")
    await until("the end", () => server.finished)
    expect(server.received.toString()).toBe("bye")
    await until("the proxy to forget", () => proxied.connections === 0)
  })

  test("a reset of one side is one of the other", async () => {
    await using proxied = await Proxied.start()
    const one = await proxied.pair()
    one.client.socket.resetAndDestroy()
    await one.server.getsReset()
    const other = await proxied.pair()
    other.server.socket.resetAndDestroy()
    await other.client.getsReset()
    await until("the proxy to forget", () => proxied.connections === 0)
    expect(proxied.counters).toMatchObject({ connections: 2, resets: 0 })
  })

  test("everything sent before the end arrives, also where the reader is slow", async () => {
    await using proxied = await Proxied.start()
    const { client, server } = await proxied.pair()
    server.socket.pause()
    const all = megabytes(8)
    client.socket.end(all)
    await Bun.sleep(30)
    server.socket.resume()
    await until("the end", () => server.finished)
    expect(hash(server.received)).toBe(hash(all))
  })
})

describe("the broker behind it", () => {
  test("a dead one refuses as a machine without listeners does; a new one is reached", async () => {
    await using proxied = await Proxied.start()
    const { client } = await proxied.pair()
    await proxied.die()
    proxied.proxy.targetDown(0)
    await client.getsReset()
    expect((await proxied.dial()).error).toBe("ECONNREFUSED")
    await proxied.listen()
    proxied.proxy.targetUp(0)
    const again = await proxied.pair()
    again.client.socket.write("hello")
    await again.server.gets("hello")
  })

  test("one that is gone unnoticed: who dials is reset", async () => {
    await using proxied = await Proxied.start()
    await proxied.die()
    const client = await proxied.dial()
    await client.getsReset()
    await until("the proxy to forget", () => proxied.connections === 0)
    await proxied.listen()
  })
})
