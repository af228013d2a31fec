import type { RunClock } from "../../../src/chaos/clock.ts"
import { linkName } from "../../../src/chaos/network.ts"
import type { Link, LinkCounters, LinkTrouble, Network } from "../../../src/chaos/network.ts"

type Counting = { -readonly [K in keyof LinkCounters]: number }

interface State {
  trouble: LinkTrouble
  sinceMs: number
  readonly counters: Counting
}

const zero = (): Counting => ({
  connections: 0,
  refused: 0,
  resets: 0,
  bytes: 0,
  droppedBytes: 0,
  delayedBytes: 0,
  droppedFrames: 0,
  heldFrames: 0,
  duplicatedFrames: 0,
  reorderedFrames: 0,
  droppedResponses: 0,
})

/** Every link carries a frame of a hundred bytes each ten milliseconds. */
export class FakeNetwork implements Network {
  readonly links: ReadonlyArray<Link>
  readonly calls: Array<string> = []
  /** It takes every order and does nothing. */
  isNeutral = false
  private readonly clock: RunClock
  private readonly states = new Map<string, State>()

  constructor(nodes: number, clock: RunClock) {
    this.clock = clock
    const ids = Array.from({ length: nodes }, (_, id) => id)
    this.links = [
      ...ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => ({ from, to }))),
      ...ids.map((to): Link => ({ from: "clients", to })),
    ]
    for (const link of this.links) {
      this.states.set(linkName(link), { trouble: {}, sinceMs: 0, counters: zero() })
    }
  }

  trouble(link: Link, trouble: LinkTrouble): void {
    this.calls.push(`trouble ${linkName(link)} ${JSON.stringify(trouble)}`)
    if (this.isNeutral) return
    const state = this.stateOf(link)
    this.accrue(state)
    state.trouble = trouble
  }

  heal(link: Link): void {
    this.calls.push(`heal ${linkName(link)}`)
    const state = this.stateOf(link)
    this.accrue(state)
    state.trouble = {}
  }

  healAll(): void {
    for (const link of this.links) this.heal(link)
  }

  reset(link: Link): number {
    if (this.isNeutral) return 0
    this.stateOf(link).counters.resets++
    return 1
  }

  counters(link: Link): LinkCounters {
    const state = this.stateOf(link)
    this.accrue(state)
    return { ...state.counters }
  }

  troubleOf(link: Link): LinkTrouble {
    return this.stateOf(link).trouble
  }

  get troubled(): ReadonlyArray<string> {
    return this.links
      .filter((link) => Object.keys(this.stateOf(link).trouble).length > 0)
      .map(linkName)
  }

  private stateOf(link: Link): State {
    const state = this.states.get(linkName(link))
    if (state === undefined) throw new RangeError(`no link ${linkName(link)}`)
    return state
  }

  private accrue(state: State): void {
    const nowMs = this.clock.nowMs()
    const frames = Math.floor((nowMs - state.sinceMs) / 10)
    if (frames === 0) return
    state.sinceMs = nowMs
    const { counters, trouble } = state
    if (trouble.cut === "drop") counters.droppedFrames += frames
    else if (trouble.cut === "refuse") counters.refused += frames
    else if (trouble.cut === "hold") counters.heldFrames += frames
    else counters.bytes += 100 * frames
    const isLate = trouble.latencyMs !== undefined || trouble.bytesPerSecond !== undefined
    if (isLate) counters.delayedBytes += 100 * frames
    counters.heldFrames += some(frames, trouble.frames?.delayPerMille)
    counters.duplicatedFrames += some(frames, trouble.frames?.duplicatePerMille)
    counters.reorderedFrames += some(frames, trouble.frames?.reorderPerMille)
    counters.droppedResponses += some(frames, trouble.dropResponsePerMille)
  }
}

const some = (frames: number, perMille = 0): number => Math.ceil((frames * perMille) / 1_000)
