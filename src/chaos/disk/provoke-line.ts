/** Something that a broker writes a line about and that harms nobody. */
import { connect } from "node:net"
import type { Endpoint } from "../cluster.ts"

/**
 * A connection whose first request claims to be larger than any may be. Resolves when it is over.
 */
export function provokeLine({ host, port }: Endpoint, timeoutMs = 1_000): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const done = () => {
      socket.destroy()
      resolve()
    }
    socket.setTimeout(timeoutMs, done)
    socket.once("connect", () => socket.write(Uint8Array.of(0x7f, 0xff, 0xff, 0xff)))
    socket.once("close", done)
    socket.once("error", done)
    socket.resume()
  })
}
