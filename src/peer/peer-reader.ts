/** Bytes of one peer link → frames; says what may come when. */
import type { MemberId } from "../../raft/types.ts"
import { decodePeerFrame, PeerFrameSplitter } from "./codec.ts"
import type { PeerFrame } from "./codec.ts"
import type { Hello } from "./transport.ts"

const unknownMember = ""

export class PeerReader {
  private splitter = new PeerFrameSplitter()
  private members = { fromMember: unknownMember, toMember: unknownMember }

  push(chunk: Uint8Array): ReadonlyArray<Uint8Array> {
    return this.splitter.push(chunk)
  }

  /** Who speaks on this link, and to whom: Raft messages carry neither. */
  from(fromMember: MemberId, toMember: MemberId): void {
    this.members = { fromMember, toMember }
  }

  frame(bytes: Uint8Array): PeerFrame {
    return decodePeerFrame(bytes, this.members)
  }

  hello(bytes: Uint8Array): Hello {
    const frame = this.frame(bytes)
    if (frame._tag !== "Hello") throw new Error(`a ${frame._tag} before the Hello`)
    return frame
  }

  heartbeat(bytes: Uint8Array): void {
    const frame = this.frame(bytes)
    if (frame._tag !== "Heartbeat")
      throw new Error(`a ${frame._tag} on a link that only we send on`)
  }

  reset(): void {
    this.splitter = new PeerFrameSplitter()
  }
}
