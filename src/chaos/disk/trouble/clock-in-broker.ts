/** A wall clock that is wrong on command: `Date` of the thread. Monotonic time is left alone. */
import type { ClockTrouble, ControlFolder } from "../control-folder.ts"
import { CommandFile, noteDeed } from "./command-file.ts"

/** The command is looked at as often. */
const lookEveryMs = 10

export function skewOf(trouble: ClockTrouble, trueMs: number): number {
  const { offsetMs, rate, sinceMs, strobeMs } = trouble
  const passed = trueMs - sinceMs
  if (strobeMs > 0 && Math.floor(passed / strobeMs) % 2 === 1) return 0
  return offsetMs + (rate - 1) * passed
}

export function installClock(folder: ControlFolder): void {
  const RealDate = Date
  const realNow = Date.now
  const file = new CommandFile<ClockTrouble>(folder.clock)
  let lookedMs = -Infinity
  let trouble: ClockTrouble | undefined
  const now = (): number => {
    const trueMs = realNow()
    const monotonicMs = performance.now()
    if (monotonicMs - lookedMs >= lookEveryMs) {
      lookedMs = monotonicMs
      const found = file.read()
      if (found !== undefined && found !== trouble) {
        noteDeed(folder.deedsFile, { _tag: "clock", ms: found.offsetMs })
      }
      trouble = found
    }
    return trouble === undefined ? trueMs : Math.round(trueMs + skewOf(trouble, trueMs))
  }
  globalThis.Date = new Proxy(RealDate, {
    construct(target, words: Array<unknown>): object {
      if (words.length === 0) return new target(now())
      const made: object = Reflect.construct(target, words)
      return made
    },
    get: (target, key): unknown => (key === "now" ? now : Reflect.get(target, key)),
  })
}
