import { createServer } from "node:net"

/** Below what systems give to outgoing connections, so that a port can be taken again later. */
const firstPort = 10_000
const portsTotal = 20_000

/**
 * That many different ports of 127.0.0.1 that nobody listens on. They are not reserved: whoever
 * takes them soon is unlikely to find them taken.
 */
export async function freePorts(count: number): Promise<ReadonlyArray<number>> {
  const found = new Set<number>()
  for (let attempts = count * 20; attempts > 0 && found.size < count; attempts--) {
    const port = firstPort + Math.floor(Math.random() * portsTotal)
    if (!found.has(port) && (await isFree(port))) found.add(port)
  }
  if (found.size < count) throw new Error(`found no ${count} free ports on 127.0.0.1`)
  return [...found]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}
