/** What leaves for the peers. Any frame counts as a heartbeat, so what was sent is noted. */
import type { Message } from "../../raft/message.ts"
import type { GroupId } from "../../storage/wal.ts"
import { nodeOf } from "../cluster/members.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { Liveness } from "./liveness.ts"
import type { NodePorts } from "./ports.ts"

export class PeerOutput {
  readonly #nodeId: number
  readonly #sendPeer: NodePorts["sendPeer"]
  readonly #liveness: Liveness
  readonly #metadataIndex: () => number
  nowMs = 0

  constructor(
    nodeId: number,
    sendPeer: NodePorts["sendPeer"],
    liveness: Liveness,
    metadataIndex: () => number,
  ) {
    this.#nodeId = nodeId
    this.#sendPeer = sendPeer
    this.#liveness = liveness
    this.#metadataIndex = metadataIndex
  }

  /** False: dropped, nothing goes to that peer now. */
  send(nodeId: number, frame: PeerFrame): boolean {
    if (this.#liveness.peer(nodeId)?.connected !== true) return false
    if (!this.#sendPeer(nodeId, frame)) return false
    this.#liveness.sent(nodeId, this.nowMs)
    return true
  }

  broadcast(frame: PeerFrame): void {
    for (const { nodeId, connected } of this.#liveness.peers()) {
      if (connected) this.send(nodeId, frame)
    }
  }

  /** To the very disk it is meant for: a replaced one under the same node id is another member. */
  raft(group: GroupId, message: Message): void {
    const nodeId = nodeOf(message.to)
    if (this.#liveness.peer(nodeId)?.member !== message.to) return
    const appliedMetadataIndex = this.#metadataIndex()
    this.send(nodeId, { _tag: "Raft", group, appliedMetadataIndex, message })
  }

  heartbeat(nodeId: number): void {
    const lowSpace = this.#liveness.lowSpace(this.#nodeId)
    this.send(nodeId, {
      _tag: "Heartbeat",
      appliedMetadataIndex: this.#metadataIndex(),
      lowSpace,
    })
  }

  /**
   * Before the answer goes what this broker has applied: the asker waits until it has applied as
   * much.
   */
  respond(nodeId: number, correlationId: number, frame: Uint8Array): void {
    this.heartbeat(nodeId)
    this.send(nodeId, { _tag: "Response", correlationId, frame })
  }
}
