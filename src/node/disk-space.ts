/**
 * A disk that is nearly full (VERIFICATION hazard 22): producers are refused before anything is
 * proposed, followers take no entries (replicas.ts), and leaderships go to brokers that have room.
 * Votes and metadata go on, from the log's reserve. It ends by itself.
 */
import type { Wal } from "../../storage/wal.ts"
import { nodeOf } from "../cluster/members.ts"
import type { Partition } from "../partition/partition.ts"
import type { Liveness } from "./liveness.ts"
import type { PeerOutput } from "./peer-output.ts"
import type { LogLevel } from "./ports.ts"
import type { Replicas } from "./replicas.ts"

const handOverEveryMs = 250
/** Leaderships offered at a time. */
const handOversMax = 20

export interface DiskSpaceParts {
  readonly nodeId: number
  readonly wal: Wal
  readonly replicas: Replicas
  readonly liveness: Liveness
  readonly output: PeerOutput
  readonly log: (level: LogLevel, line: string) => void
}

export class DiskSpace {
  readonly #parts: DiskSpaceParts
  #low = false
  #nextMs = 0

  constructor(parts: DiskSpaceParts) {
    this.#parts = parts
  }

  tick(nowMs: number): void {
    const low = this.#parts.wal.space === "low"
    if (low !== this.#low) this.#changed(low)
    if (!low || nowMs < this.#nextMs) return
    this.#nextMs = nowMs + handOverEveryMs
    this.#handOver()
  }

  #changed(low: boolean): void {
    const { nodeId, liveness, output, log } = this.#parts
    this.#low = low
    liveness.setLowSpace(nodeId, low)
    // The others must not move leaderships here meanwhile.
    for (const peer of liveness.peers()) if (peer.connected) output.heartbeat(peer.nodeId)
    if (low) log("error", "the disk is nearly full: nothing is appended until there is room")
    else log("info", "the disk has room again")
  }

  #handOver(): void {
    let offered = 0
    for (const partition of this.#parts.replicas.all()) {
      if (!partition.isLeader || partition.raftGroup.node.transferTarget !== null) continue
      const target = this.#roomier(partition)
      if (target === undefined) continue
      if (partition.raftGroup.transferLeadership(target) !== "started") continue
      if (++offered === handOversMax) return
    }
  }

  #roomier(partition: Partition) {
    const { nodeId, liveness } = this.#parts
    const { voters, witnesses } = partition.raftGroup.node.configuration
    const inSync = partition.inSyncReplicas()
    return voters.find((member) => {
      const node = nodeOf(member)
      if (node === nodeId || witnesses.includes(member) || !inSync.includes(node)) return false
      return liveness.reachable(node) && !liveness.lowSpace(node)
    })
  }
}
