/**
 * Trouble with single frames between brokers: those that carry a message of Raft are held back,
 * sent twice or overtaken. Raft must bear all of it; whatever else brokers say to each other relies
 * on the order of the stream and keeps it.
 */
import type { Prng } from "../../../raft/prng.ts"
import type { FrameTrouble } from "../network.ts"
import type { Counting } from "./link-counters.ts"

/** Held back at a time, of one connection; beyond it frames go through. */
const keptBytesMax = 4 * 1024 * 1024
/** A frame that nothing follows goes on after this time, and was not overtaken. */
const overtakeMs = 100

export type FrameFate = "pass" | "delay" | "duplicate" | "reorder"

export class RaftFrames {
  private readonly counters: Counting
  private readonly chance: Prng
  /** Puts a whole frame between two others. */
  private readonly insert: (frame: Uint8Array) => void
  private readonly kept = new Map<ReturnType<typeof setTimeout>, Uint8Array>()
  private keptBytes = 0
  private overtaken: ReturnType<typeof setTimeout> | undefined

  constructor(counters: Counting, chance: Prng, insert: (frame: Uint8Array) => void) {
    this.counters = counters
    this.chance = chance
    this.insert = insert
  }

  /** Drawn when the frame begins; any but "pass" asks for the whole frame. */
  draw(trouble: FrameTrouble, bytes: number): FrameFate {
    const { delayPerMille = 0, duplicatePerMille = 0, reorderPerMille = 0 } = trouble
    const drawn = this.chance.below(1000)
    if (this.keptBytes + bytes > keptBytesMax) return "pass"
    if (drawn < delayPerMille) return "delay"
    if (drawn < delayPerMille + duplicatePerMille) return "duplicate"
    if (drawn >= delayPerMille + duplicatePerMille + reorderPerMille) return "pass"
    return this.overtaken === undefined ? "reorder" : "pass"
  }

  /** The whole frame that `draw` asked for. */
  take(fate: Exclude<FrameFate, "pass">, frame: Uint8Array, trouble: FrameTrouble): void {
    if (fate === "delay") {
      this.counters.heldFrames++
      this.keep(frame, trouble.holdMs ?? overtakeMs)
    } else if (fate === "duplicate") {
      this.counters.duplicatedFrames++
      this.insert(frame)
      this.insert(frame)
      this.passed()
    } else this.overtaken = this.keep(frame, overtakeMs)
  }

  /** A whole frame has gone on. */
  passed(): void {
    const { overtaken } = this
    if (overtaken === undefined) return
    this.overtaken = undefined
    this.counters.reorderedFrames++
    this.release(overtaken)
  }

  /** All that is kept, now: the trouble is over, or the stream ends. */
  flush(): void {
    this.overtaken = undefined
    for (const timer of this.kept.keys()) this.release(timer)
  }

  close(): void {
    for (const timer of this.kept.keys()) clearTimeout(timer)
    this.kept.clear()
    this.keptBytes = 0
    this.overtaken = undefined
  }

  private keep(frame: Uint8Array, ms: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      if (this.overtaken === timer) this.overtaken = undefined
      this.release(timer)
    }, ms)
    this.kept.set(timer, frame)
    this.keptBytes += frame.length
    return timer
  }

  private release(timer: ReturnType<typeof setTimeout>): void {
    const frame = this.kept.get(timer)
    if (frame === undefined) return
    clearTimeout(timer)
    this.kept.delete(timer)
    this.keptBytes -= frame.length
    this.insert(frame)
  }
}
