/**
 * The proxy's face: every directed link between brokers, and every link from clients to a broker,
 * passes through a port of its own (VERIFICATION §2.1).
 */

/** `from` dials `to`. Peers dial both ways: 0→1 carries what 0 sends to 1, and its own acks. */
export interface Link {
  readonly from: number | "clients"
  readonly to: number
}

export const linkName = ({ from, to }: Link): string => `${from}→${to}`

export interface FrameTrouble {
  /** Of a thousand frames that carry a message of Raft: held back for `holdMs` … */
  readonly delayPerMille?: number
  readonly holdMs?: number
  /** … sent twice … */
  readonly duplicatePerMille?: number
  /** … sent after the next one. */
  readonly reorderPerMille?: number
}

export interface LinkTrouble {
  /**
   * "drop": the link looks alive, whole frames vanish, and the heal resets it. "refuse": what there
   * is is reset, new connections are refused. "hold": nothing moves until the heal, nothing is
   * lost.
   */
  readonly cut?: "drop" | "refuse" | "hold"
  /** On top of what the machine takes, each way. */
  readonly latencyMs?: number
  /** Evenly spread on top of `latencyMs`. The order of bytes stays. */
  readonly jitterMs?: number
  readonly bytesPerSecond?: number
  /** Peer links alone. */
  readonly frames?: FrameTrouble
  /**
   * Client links alone: of a thousand responses, lost whole, and the connection reset after it: the
   * client cannot know what became of its request.
   */
  readonly dropResponsePerMille?: number
}

/** Since the run began; what a fault compares to see whether it bit. */
export interface LinkCounters {
  /** Taken. */
  readonly connections: number
  /** Reset as soon as they were taken, during "refuse". */
  readonly refused: number
  /** Of connections, by the proxy: not those that one side has reset. */
  readonly resets: number
  /** Both ways: what the far socket has taken. */
  readonly bytes: number
  readonly droppedBytes: number
  /** By latency, jitter, bandwidth or "hold". */
  readonly delayedBytes: number
  /** Begun during "drop". */
  readonly droppedFrames: number
  /** Begun during "hold", or held back singly. */
  readonly heldFrames: number
  readonly duplicatedFrames: number
  readonly reorderedFrames: number
  readonly droppedResponses: number
}

export interface Network {
  readonly links: ReadonlyArray<Link>
  /** In the place of what troubled the link before. */
  trouble(link: Link, trouble: LinkTrouble): void
  heal(link: Link): void
  healAll(): void
  /** RST on every connection of the link, both sides; how many there were. */
  reset(link: Link): number
  counters(link: Link): LinkCounters
}
