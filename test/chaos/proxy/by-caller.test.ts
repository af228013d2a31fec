/** Brokers of Apache Kafka dial one address per broker: who it is shows in the first request. */
import { describe, expect, test } from "bun:test"
import { brokerOfClientId } from "../../../src/chaos/cluster/kafka-cluster.ts"
import { callerOf } from "../../../src/chaos/proxy/caller.ts"
import { encodeRequestFrame } from "../../../src/protocol/header.ts"
import { apiVersions } from "../../../src/protocol/messages/api-versions.ts"
import { Proxied, peerLink, until } from "./proxied.ts"

function requestOf(clientId: string | null): Buffer {
  const header = { apiKey: 18, apiVersion: 3, correlationId: 1, clientId }
  const software = { clientSoftwareName: "apache-kafka-java", clientSoftwareVersion: "4.3.1" }
  return Buffer.concat(encodeRequestFrame(apiVersions, header, software))
}

describe("the caller", () => {
  test("is known as soon as its name is there", () => {
    const whole = requestOf("broker-1-fetcher-0")
    const known = whole.indexOf("fetcher-0") + "fetcher-0".length
    for (let length = 0; length < known; length++) {
      expect(callerOf(whole.subarray(0, length))._tag).toBe("more")
    }
    for (let length = known; length <= whole.length; length++) {
      expect(callerOf(whole.subarray(0, length))).toEqual({
        _tag: "named",
        clientId: "broker-1-fetcher-0",
      })
    }
    expect(callerOf(requestOf(null))._tag).toBe("unknown")
    expect(callerOf(Buffer.alloc(20, 0xff))._tag).toBe("unknown")
  })

  test("is a broker by the names that Kafka gives its own connections", () => {
    const names = [
      "raft-client-2",
      "broker-1-fetcher-0",
      "broker-1-txn-marker-sender",
      "7",
      "console-consumer",
      "",
    ]
    const brokers = names.map(brokerOfClientId)
    expect(brokers).toEqual([2, 1, 1, 7, undefined, undefined])
  })
})

describe("a door for all brokers", () => {
  const options = { link: peerLink, from: brokerOfClientId }

  test("a connection is of its caller's link, with its first bytes", async () => {
    await using proxied = await Proxied.start(options)
    const client = await proxied.dial()
    const request = requestOf("broker-1-fetcher-0")
    client.socket.write(request.subarray(0, 15))
    client.socket.write(request.subarray(15))
    const server = await proxied.accepted(0)
    await until("the request", () => server.receivedBytes === request.length)
    expect(server.received.equals(request)).toBe(true)
    expect(proxied.counters).toMatchObject({ connections: 1, bytes: request.length })
    proxied.proxy.trouble(peerLink, { cut: "refuse" })
    await client.getsReset()
    const late = await proxied.dial()
    late.socket.write(request)
    await late.getsReset()
    expect(proxied.counters.refused).toBe(1)
  })

  test("a broker that dials itself is on no link", async () => {
    await using proxied = await Proxied.start(options)
    proxied.proxy.trouble(peerLink, { cut: "drop" })
    const client = await proxied.dial()
    client.socket.write(requestOf("raft-client-0"))
    await until("the request", () => proxied.ends[0]?.receivedBytes)
    expect(proxied.counters.connections).toBe(0)
  })

  test("nobody else comes in, and who says nothing is not waited for at the end", async () => {
    await using proxied = await Proxied.start(options)
    const stranger = await proxied.dial()
    stranger.socket.write(requestOf("console-consumer"))
    await stranger.getsReset()
    const silent = await proxied.dial()
    proxied.proxy.dispose()
    await silent.getsReset()
    expect(proxied.ends.length).toBe(0)
  })
})
