/**
 * One directed link: its connections, what troubles them, what was counted. By whichever door they
 * came in, they are the link's.
 */
import { stream } from "../../../raft/prng.ts"
import type { Prng } from "../../../raft/prng.ts"
import { linkName } from "../network.ts"
import type { Link, LinkTrouble } from "../network.ts"
import type { Connection } from "./connection.ts"
import { kafkaFraming, peerAnswerFraming, peerFraming } from "./frame-scanner.ts"
import type { Framing } from "./frame-scanner.ts"
import { zeroCounters } from "./link-counters.ts"
import { Lane } from "./pacing.ts"
import type { WireTap } from "./wire-tap.ts"

/** What is said on it: Kafka's protocol, or varve's between brokers. */
export type LinkProtocol = "kafka" | "varve-peers"

export interface LinkSpec {
  readonly link: Link
  readonly protocol: LinkProtocol
}

export class ProxiedLink {
  readonly link: Link
  readonly counters = zeroCounters()
  readonly chance: Prng
  readonly forth = new Lane()
  readonly back = new Lane()
  readonly tap: WireTap | undefined
  readonly carriesRaftFrames: boolean
  private readonly connections = new Set<Connection>()
  private current: LinkTrouble = {}

  constructor({ link, protocol }: LinkSpec, seed: number, tap: WireTap | undefined) {
    this.link = link
    this.carriesRaftFrames = protocol === "varve-peers"
    this.chance = stream(seed, `link ${linkName(link)}`)
    this.tap = link.from === "clients" ? tap : undefined
  }

  get trouble(): LinkTrouble {
    return this.current
  }

  /** Connections under way. */
  get open(): number {
    return this.connections.size
  }

  framing(direction: "forth" | "back"): Framing {
    if (!this.carriesRaftFrames) return kafkaFraming
    return direction === "forth" ? peerFraming : peerAnswerFraming
  }

  add(connection: Connection): void {
    this.counters.connections++
    this.connections.add(connection)
  }

  forget(connection: Connection): void {
    this.connections.delete(connection)
  }

  /** Throws RangeError for what this kind of link cannot suffer, and changes nothing then. */
  suffer(trouble: LinkTrouble): void {
    this.check(trouble)
    const healed = this.current.cut === "drop" && trouble.cut !== "drop"
    this.current = trouble
    this.forth.clear()
    this.back.clear()
    // What was dropped is missing in the middle of a stream: nobody may take it for whole.
    if (healed || trouble.cut === "refuse") this.reset()
    for (const connection of this.connections) connection.troubleChanged()
  }

  /** How many connections it has hit. */
  reset(): number {
    return [...this.connections].filter((connection) => connection.reset()).length
  }

  private check({ frames, dropResponsePerMille, bytesPerSecond }: LinkTrouble): void {
    const name = linkName(this.link)
    if (frames !== undefined && !this.carriesRaftFrames) {
      throw new RangeError(`${name}: only links between varve's brokers carry frames of Raft`)
    }
    if (dropResponsePerMille !== undefined && this.link.from !== "clients") {
      throw new RangeError(`${name}: only clients wait for responses`)
    }
    if (bytesPerSecond !== undefined && !(bytesPerSecond > 0)) {
      throw new RangeError(`${name}: ${bytesPerSecond} bytes per second`)
    }
  }
}
