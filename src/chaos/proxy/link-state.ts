/** One directed link: its trouble, its counters, its chance. What its connections look at. */
import { stream } from "../../../raft/prng.ts"
import type { Prng } from "../../../raft/prng.ts"
import type { Endpoint } from "../cluster.ts"
import { linkName } from "../network.ts"
import type { Link, LinkTrouble } from "../network.ts"
import { kafkaFraming, peerAnswerFraming, peerFraming } from "./frame-scanner.ts"
import type { Framing } from "./frame-scanner.ts"
import { zeroCounters } from "./link-counters.ts"
import { Lane } from "./pacing.ts"
import type { WireTap } from "./wire-tap.ts"

/** What is said on it: Kafka's protocol, or varve's between brokers. */
export type LinkProtocol = "kafka" | "varve-peers"

export interface LinkPlace {
  readonly link: Link
  readonly protocol: LinkProtocol
  /** Where the proxy listens for it. */
  readonly listen: Endpoint
  /** Where it leads. */
  readonly target: Endpoint
}

export class LinkState {
  readonly place: LinkPlace
  readonly counters = zeroCounters()
  readonly chance: Prng
  readonly forth = new Lane()
  readonly back = new Lane()
  readonly tap: WireTap | undefined
  trouble: LinkTrouble = {}

  constructor(place: LinkPlace, seed: number, tap: WireTap | undefined) {
    this.place = place
    this.chance = stream(seed, `link ${linkName(place.link)}`)
    this.tap = place.link.from === "clients" ? tap : undefined
  }

  get isOfClients(): boolean {
    return this.place.link.from === "clients"
  }

  framing(direction: "forth" | "back"): Framing {
    if (this.place.protocol === "kafka") return kafkaFraming
    return direction === "forth" ? peerFraming : peerAnswerFraming
  }

  /** Throws RangeError for what this kind of link cannot suffer. */
  check({ frames, dropResponsePerMille, bytesPerSecond }: LinkTrouble): void {
    const name = linkName(this.place.link)
    if (frames !== undefined && this.place.protocol !== "varve-peers") {
      throw new RangeError(`${name}: only links between varve's brokers carry frames of Raft`)
    }
    if (dropResponsePerMille !== undefined && !this.isOfClients) {
      throw new RangeError(`${name}: only clients wait for responses`)
    }
    if (bytesPerSecond !== undefined && !(bytesPerSecond > 0)) {
      throw new RangeError(`${name}: ${bytesPerSecond} bytes per second`)
    }
  }
}
