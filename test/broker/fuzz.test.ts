/**
 * Every request that was ever recorded, whole and damaged, at a broker that runs: it answers or
 * closes the connection, and goes on for everybody else.
 */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Prng } from "../../raft/index.ts"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { root } from "../../scripts/harness/target.ts"
import { ClientConnection } from "../../src/client/index.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { RawSocket } from "../support/raw-socket.ts"

const seed = Number(process.env["VARVE_TEST_SEED"] ?? 1)
const variantsEach = Number(process.env["VARVE_TEST_VARIANTS"] ?? 6)
const together = 64
const memoryBytesMax = 400 * 1024 * 1024

let cluster: Cluster
let bystander: ClientConnection

beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 1 })
  const { port } = cluster.broker(0)
  bystander = await ClientConnection.connect({ host: "127.0.0.1", port, timeoutMs: 20_000 })
})

afterAll(async () => {
  bystander.close()
  await cluster.dispose()
})

function recordedRequests(): ReadonlyArray<Buffer> {
  const requests: Array<Buffer> = []
  for (const file of new Bun.Glob("*.jsonl").scanSync(join(root, "test", "golden"))) {
    for (const line of readFileSync(join(root, "test", "golden", file), "utf8").split("\n")) {
      const { requestHex }: { requestHex?: string } = line === "" ? {} : JSON.parse(line)
      if (requestHex !== undefined) requests.push(Buffer.from(requestHex, "hex"))
    }
  }
  return requests
}

/**
 * Bytes changed, cut, repeated or put in; the api key and version mostly left, so that a decoder is
 * reached.
 */
function damaged(request: Buffer, prng: Prng): Buffer {
  const bytes = Buffer.from(request)
  const at = () => (prng.below(10) === 0 ? 0 : 4) + prng.below(Math.max(1, bytes.length - 4))
  switch (prng.below(4)) {
    case 0:
      return bytes.subarray(0, at())
    case 1: {
      const from = at()
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(prng.below(from + 1))])
    }
    default: {
      const interesting = [0, 1, 0x7f, 0x80, 0xff, prng.below(256)]
      for (let n = 1 + prng.below(4); n > 0; n--) {
        bytes[Math.min(at(), bytes.length - 1)] = interesting[prng.below(6)] ?? 0
      }
      return bytes
    }
  }
}

function framed(request: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(request.length)
  return Buffer.concat([length, request])
}

const residentBytes = () => {
  const status = readFileSync(`/proc/${cluster.pidOf(0)}/status`, "utf8")
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
}

const log = () => readFileSync(join(cluster.broker(0).dir, "broker.log"), "utf8")

test("recorded requests, whole and damaged: the broker goes on", async () => {
  const prng = new Prng(seed)
  const requests = recordedRequests().flatMap((request) => [
    request,
    ...Array.from({ length: variantsEach }, () => damaged(request, prng)),
  ])
  expect(requests.length).toBeGreaterThan(1000)
  const pid = cluster.pidOf(0)
  const { port } = cluster.broker(0)
  for (let from = 0; from < requests.length; from += together) {
    const group = requests.slice(from, from + together)
    const sockets = await Promise.all(group.map(() => RawSocket.connect(port)))
    for (const [i, socket] of sockets.entries()) {
      const request = group[i]
      if (request !== undefined) socket.write(framed(request))
    }
    // The broker has read what came before this question, and its answer is not held up by it.
    const answer = await bystander.request(metadata, { topics: [] })
    expect(answer.brokers.length).toBe(1)
    for (const socket of sockets) socket.destroy()
  }
  expect(cluster.isUp(0)).toBe(true)
  expect(cluster.pidOf(0)).toBe(pid)
  if (process.platform === "linux") expect(residentBytes()).toBeLessThan(memoryBytesMax)
  expect(log().match(/broker fault|cannot be written|Error: /g) ?? []).toEqual([])
  expect(log().split("\n").length).toBeLessThan(3000)
}, 120_000)
