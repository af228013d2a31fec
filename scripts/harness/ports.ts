import { createServer } from "node:net"

/** Kafka's reference cluster puts its controllers 1,000 ports above its brokers. */
const controllerShift = 1_000

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}

/**
 * The first of `count` neighbouring free ports below the range that outgoing connections draw from.
 */
export async function freePortBlock(count: number): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = 10_000 + Math.floor(Math.random() * 18_000)
    const ports = Array.from({ length: count }, (_, i) => first + i)
    const wanted = [...ports, ...ports.map((port) => port + controllerShift)]
    const free = await Promise.all(wanted.map(isFree))
    if (free.every(Boolean)) return first
  }
  throw new Error(`found no ${count} neighbouring free ports on 127.0.0.1`)
}
