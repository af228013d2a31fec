/**
 * When bytes may go on: latency, jitter and bandwidth of one direction of a link. Whoever sends
 * them keeps their order: what may go earlier than what was before it waits for that.
 */
import type { Prng } from "../../../raft/prng.ts"
import type { LinkTrouble } from "../network.ts"

export interface Slice {
  readonly bytes: Uint8Array
  /** `performance.now()` of when it may go on. */
  readonly fromMs: number
}

/** A slow link gives its bytes in portions of so much time. */
const portionMs = 50
const portionBytesMin = 256

export const isPaced = ({ latencyMs, jitterMs, bytesPerSecond }: LinkTrouble): boolean =>
  (latencyMs ?? 0) > 0 || (jitterMs ?? 0) > 0 || bytesPerSecond !== undefined

/** The bandwidth of a direction, shared by all connections of the link. */
export class Lane {
  freeAtMs = 0

  /** Nobody has to wait for what went before. */
  clear(): void {
    this.freeAtMs = 0
  }
}

export class Pacing {
  private readonly lane: Lane
  private readonly chance: Prng

  constructor(lane: Lane, chance: Prng) {
    this.lane = lane
    this.chance = chance
  }

  pace(bytes: Uint8Array, trouble: LinkTrouble, nowMs: number): ReadonlyArray<Slice> {
    const { bytesPerSecond, latencyMs = 0, jitterMs = 0 } = trouble
    const delayMs = latencyMs + (jitterMs > 0 ? (this.chance.below(1001) * jitterMs) / 1000 : 0)
    if (bytesPerSecond === undefined) return [{ bytes, fromMs: nowMs + delayMs }]
    const portion = Math.max(portionBytesMin, Math.floor((bytesPerSecond * portionMs) / 1000))
    const slices: Array<Slice> = []
    for (let at = 0; at < bytes.length; at += portion) {
      const slice = bytes.subarray(at, at + portion)
      const startMs = Math.max(nowMs, this.lane.freeAtMs)
      this.lane.freeAtMs = startMs + (slice.length * 1000) / bytesPerSecond
      slices.push({ bytes: slice, fromMs: this.lane.freeAtMs + delayMs })
    }
    return slices
  }
}
