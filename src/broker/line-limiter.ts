/**
 * Keeps a flood of bad input from becoming a flood of log lines: per kind at most `perSecond` lines
 * in a second, and one line afterwards that says how many were left out. The number of kinds is the
 * caller's and must be fixed.
 */
export class LineLimiter {
  private readonly perSecond: number
  private readonly write: (line: string) => void
  private readonly kinds = new Map<string, { second: number; lines: number; suppressed: number }>()

  constructor(write: (line: string) => void, perSecond = 10) {
    this.write = write
    this.perSecond = perSecond
  }

  log(kind: string, line: string, nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    const state = this.kinds.get(kind) ?? { second, lines: 0, suppressed: 0 }
    this.kinds.set(kind, state)
    if (state.second !== second) {
      if (state.suppressed > 0)
        this.write(`${kind}: ${state.suppressed} more lines like the last one`)
      state.second = second
      state.lines = 0
      state.suppressed = 0
    }
    if (state.lines >= this.perSecond) {
      state.suppressed++
      return
    }
    state.lines++
    this.write(line)
  }
}
