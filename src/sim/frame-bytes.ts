/**
 * About how long a frame is on the wire, for links with a capacity: to encode it would cost more.
 */
import type { PeerFrame } from "../peer/codec.ts"

const headBytes = 60
const entryBytes = 88

export function frameBytes(frame: PeerFrame): number {
  switch (frame._tag) {
    case "Raft": {
      const { message } = frame
      if (message._tag === "InstallSnapshot") return headBytes + message.chunk.length
      if (message._tag !== "AppendEntries") return headBytes
      let bytes = headBytes
      for (const { payload } of message.entries) bytes += entryBytes + payload.length
      return bytes
    }
    case "Request":
    case "Response":
      return 9 + frame.frame.length
    case "Report":
      return 9 + 24 * frame.partitions.length
    default:
      return headBytes
  }
}
