/** One direction between two brokers: the link that one of them dials and sends on. */
import type { Prng } from "../../raft/prng.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { SimProcess } from "./process.ts"

/**
 * What a cut does to frames: "drop" as a proxy does, whose two ends then see a reset at the heal;
 * "hold" as a network does that TCP outlasts: they arrive late, unless the sender gave up.
 */
export type CutMode = "drop" | "hold"

/** One TCP connection between two processes, from `peerHello` on. */
export class Connection {
  readonly from: SimProcess
  readonly to: SimProcess
  /** False: what is still on the way is lost. */
  alive = true
  /** The sender does not write on it any more: the link is down, or another one is up. */
  ended = false
  /** Frames were dropped: it must not go on as if nothing had been. */
  broken = false
  lastArrivalUs = 0
  queuedBytes = 0
  /** Sent and not arrived since then; 0: nothing. */
  waitingSinceUs = 0
  held: Array<PeerFrame> = []

  constructor(from: SimProcess, to: SimProcess) {
    this.from = from
    this.to = to
  }
}

export class Link {
  readonly from: number
  readonly to: number
  readonly prng: Prng
  state: "down" | "dialling" | "up" = "down"
  connection: Connection | undefined
  /** Grows with every dial: what an older one has planned is void. */
  attempt = 0
  backOffUs = 0
  dialledUs = 0
  cut: CutMode | undefined
  cutBy: object | undefined
  /** Until then nothing arrives. */
  cloggedUntilUs = 0
  slowUntilUs = 0
  slowByUs = 0
  /** When the frame sent last has left, with a capacity. */
  freeAtUs = 0

  constructor(from: number, to: number, prng: Prng) {
    this.from = from
    this.to = to
    this.prng = prng
  }
}
