/**
 * Raft frames for groups that are not here yet because the sender has applied more metadata than we
 * have. They wait, within a bound per peer, until we have applied as much; losing one is legal,
 * Raft sends again.
 */
import type { Message } from "../../raft/message.ts"
import type { GroupId } from "../../storage/wal.ts"

export interface PendingFrame {
  readonly group: GroupId
  readonly message: Message
  readonly metadataIndex: number
}

/** What one waiting frame costs beside its payloads. */
const frameOverheadBytes = 256
export const pendingBytesPerPeerMax = 1 << 20

function bytesOf(message: Message): number {
  if (message._tag === "InstallSnapshot") return frameOverheadBytes + message.chunk.length
  if (message._tag !== "AppendEntries") return frameOverheadBytes
  let bytes = frameOverheadBytes
  for (const entry of message.entries) bytes += frameOverheadBytes + entry.payload.length
  return bytes
}

interface Queue {
  bytes: number
  frames: PendingFrame[]
}

export class PendingFrames {
  readonly #queues = new Map<number, Queue>()

  /** False: dropped, the peer's bound is reached. */
  add(nodeId: number, frame: PendingFrame): boolean {
    const queue = this.#queues.get(nodeId) ?? { bytes: 0, frames: [] }
    const bytes = bytesOf(frame.message)
    if (queue.bytes + bytes > pendingBytesPerPeerMax) return false
    queue.bytes += bytes
    queue.frames.push(frame)
    this.#queues.set(nodeId, queue)
    return true
  }

  bytesOf(nodeId: number): number {
    return this.#queues.get(nodeId)?.bytes ?? 0
  }

  /** Frames that need wait no longer, per peer in the order in which they came. */
  release(appliedIndex: number): ReadonlyArray<PendingFrame> {
    if (this.#queues.size === 0) return []
    const released: PendingFrame[] = []
    for (const [nodeId, queue] of this.#queues) {
      const kept = queue.frames.filter((frame) => frame.metadataIndex > appliedIndex)
      if (kept.length === queue.frames.length) continue
      for (const frame of queue.frames)
        if (frame.metadataIndex <= appliedIndex) released.push(frame)
      if (kept.length === 0) this.#queues.delete(nodeId)
      else {
        const bytes = kept.reduce((sum, frame) => sum + bytesOf(frame.message), 0)
        this.#queues.set(nodeId, { bytes, frames: kept })
      }
    }
    return released
  }

  /** The link is gone and made anew: what it carried before is void. */
  forget(nodeId: number): void {
    this.#queues.delete(nodeId)
  }
}
