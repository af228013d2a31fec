/** One direction of a connection: what comes in, what becomes of each frame, and what goes out. */
import { Outlet } from "./outlet.ts"
import type { Ending, Wire } from "./outlet.ts"
import { FrameScanner, raftFrameType } from "./frame-scanner.ts"
import type { Frame, Piece } from "./frame-scanner.ts"
import type { ProxiedLink } from "./proxied-link.ts"
import { Pacing, isPaced } from "./pacing.ts"
import { RaftFrames } from "./raft-frames.ts"
import type { FrameFate } from "./raft-frames.ts"

/** On the way at a time: from here on the source is not read. */
const queuedBytesMax = 2 * 1024 * 1024

/** What is a connection's, seen by its two directions. */
export interface PipeEvents {
  /** The stream has ended: so must the socket it goes to. */
  ending(ending: Ending): void
  /** A response was taken out of the stream: the connection cannot go on. */
  responseLost(): void
  /** A whole frame of a tapped link, without its length. */
  seen(frame: Uint8Array, lost: boolean): void
}

export class Pipe {
  private readonly link: ProxiedLink
  private readonly direction: "forth" | "back"
  private readonly events: PipeEvents
  private readonly outlet: Outlet
  private readonly scanner: FrameScanner
  private readonly pacing: Pacing
  private readonly raft: RaftFrames | undefined
  private source: Wire | undefined
  private isPaused = false
  private fate: FrameFate | "drop" | "lose" = "pass"
  /** Pieces of a frame that is wanted whole. */
  private gathered: Array<Uint8Array> = []
  /** The same for the tap. */
  private tapped: Array<Uint8Array> = []
  /** A part of a frame has gone on: nothing may come between it and the rest. */
  private isMidFrame = false
  private late: Array<Uint8Array> = []

  constructor(link: ProxiedLink, direction: "forth" | "back", events: PipeEvents) {
    this.link = link
    this.direction = direction
    this.events = events
    this.scanner = new FrameScanner(link.framing(direction))
    this.pacing = new Pacing(direction === "forth" ? link.forth : link.back, link.chance)
    this.outlet = new Outlet({
      wrote: (bytes) => (link.counters.bytes += bytes),
      ending: (ending) => events.ending(ending),
      room: () => this.readOn(),
    })
    if (link.carriesRaftFrames && direction === "forth") {
      this.raft = new RaftFrames(link.counters, link.chance, (frame) => this.insert(frame))
    }
    this.outlet.hold(link.trouble.cut === "hold")
  }

  /** Nothing is on the way. */
  get idle(): boolean {
    return this.outlet.queuedBytes === 0
  }

  /** Where the bytes come from, once it is there. */
  from(source: Wire): void {
    this.source = source
    if (this.isPaused) source.pause()
  }

  /** Where they go, once it is there. */
  to(sink: Wire): void {
    this.outlet.open(sink)
  }

  received(chunk: Uint8Array): void {
    for (const piece of this.scanner.push(chunk)) this.pass(piece)
    this.outlet.pump()
    if (!this.isPaused && this.outlet.queuedBytes > queuedBytesMax) {
      this.isPaused = true
      this.source?.pause()
    }
  }

  /** The source says no more. A blackhole says nothing of it: the heal does. */
  ended(ending: Ending): void {
    if (this.link.trouble.cut === "drop") return
    if (this.outlet.closed) return
    for (const piece of this.gathered) this.forward(piece)
    this.gathered = []
    this.raft?.flush()
    this.forward(this.scanner.flush())
    this.outlet.end(ending)
  }

  sinkDrained(): void {
    this.outlet.drained()
  }

  sinkClosed(): void {
    this.outlet.close()
    this.raft?.close()
    this.readOn()
  }

  get sinkIsClosed(): boolean {
    return this.outlet.closed
  }

  troubleChanged(): void {
    const { trouble } = this.link
    if (trouble.frames === undefined) this.raft?.flush()
    this.outlet.hold(trouble.cut === "hold")
    if (!isPaced(trouble)) this.outlet.hurry()
  }

  private readOn(): void {
    if (!this.isPaused || this.outlet.queuedBytes > queuedBytesMax / 2) return
    this.isPaused = false
    this.source?.resume()
  }

  private pass(piece: Piece): void {
    const { frame, bytes } = piece
    if (this.outlet.closed) return
    if (frame === undefined) {
      if (this.link.trouble.cut !== "drop") this.forward(bytes)
      else this.link.counters.droppedBytes += bytes.length
      return
    }
    if (piece.begins) this.fate = this.decide(frame)
    if (this.link.tap !== undefined) this.tap(piece)
    this.follow(piece)
  }

  private decide(frame: Frame): FrameFate | "drop" | "lose" {
    const { trouble, counters, chance } = this.link
    if (trouble.cut === "drop") {
      counters.droppedFrames++
      return "drop"
    }
    if (trouble.cut === "hold") counters.heldFrames++
    const lossy = this.direction === "back" ? (trouble.dropResponsePerMille ?? 0) : 0
    if (lossy > 0 && chance.below(1000) < lossy) {
      counters.droppedResponses++
      return "lose"
    }
    if (this.raft === undefined || trouble.frames === undefined) return "pass"
    return frame.type === raftFrameType ? this.raft.draw(trouble.frames, frame.bytes) : "pass"
  }

  private follow({ bytes, ends }: Piece): void {
    const { fate } = this
    if (fate === "pass") {
      this.forward(bytes)
      this.isMidFrame = !ends
      if (ends) this.atBoundary()
    } else if (fate === "drop" || fate === "lose") {
      this.link.counters.droppedBytes += bytes.length
      if (fate === "lose" && ends) this.events.responseLost()
    } else {
      this.gathered.push(bytes)
      if (!ends) return
      const whole = Buffer.concat(this.gathered)
      this.gathered = []
      this.raft?.take(fate, whole, this.link.trouble.frames ?? {})
    }
  }

  private atBoundary(): void {
    this.raft?.passed()
    const { late } = this
    this.late = []
    for (const frame of late) this.forward(frame)
  }

  private insert(frame: Uint8Array): void {
    if (this.isMidFrame) this.late.push(frame)
    else {
      this.forward(frame)
      this.outlet.pump()
    }
  }

  private forward(bytes: Uint8Array): void {
    const { trouble, counters } = this.link
    if (trouble.cut === "hold") counters.delayedBytes += bytes.length
    if (!isPaced(trouble)) return this.outlet.push(bytes)
    if (trouble.cut !== "hold") counters.delayedBytes += bytes.length
    for (const slice of this.pacing.pace(bytes, trouble, performance.now())) {
      this.outlet.push(slice.bytes, slice.fromMs)
    }
  }

  private tap({ bytes, ends }: Piece): void {
    this.tapped.push(bytes)
    if (!ends) return
    const whole = Buffer.concat(this.tapped).subarray(4)
    this.tapped = []
    this.events.seen(whole, this.fate === "drop" || this.fate === "lose")
  }
}
