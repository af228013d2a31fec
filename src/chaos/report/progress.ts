/**
 * What a run is doing now: redrawn in place on a terminal, a plain line now and then anywhere else.
 * The caller says how much time has passed; nothing here starts a timer.
 */
import { formatCount, formatDuration, formatTime } from "./format.ts"

export interface ProgressState {
  /** "lead-in", "faults", "heal", "drain", "check". */
  readonly phase: string
  readonly elapsedMs: number
  /** Expected of the whole run. */
  readonly totalMs: number
  /** Records. */
  readonly acknowledged: number
  readonly faults: { readonly planned: number; readonly done: number; readonly effective: number }
  /** The faults that last, or undefined. */
  readonly current: string | undefined
  /** The longest time so far without an acknowledgement. */
  readonly worstStallMs: number
}

export interface ProgressOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly write: (text: string) => unknown
}

const paintEveryMs = 100
const lineEveryMs = 10_000
const barCells = 24
const clearLine = "\r\u001B[2K"
const upAndClear = "\u001B[1A\u001B[2K"

export class Progress {
  readonly #output: ProgressOutput
  readonly #everyMs: number
  #shown: ReadonlyArray<string> = []
  #saidMs = -Infinity
  #phase = ""

  constructor(output: ProgressOutput = process.stderr) {
    this.#output = output
    this.#everyMs = this.#isLive ? paintEveryMs : lineEveryMs
  }

  get #isLive(): boolean {
    return this.#output.isTTY === true
  }

  /** Call as often as you like; it shows no more than can be read. A new phase is shown at once. */
  update(state: ProgressState): void {
    const isNew = state.phase !== this.#phase
    if (!isNew && state.elapsedMs - this.#saidMs < this.#everyMs) return
    this.#saidMs = state.elapsedMs
    this.#phase = state.phase
    if (this.#isLive) this.#paint(liveLines(state, this.#output.columns ?? 80))
    else this.#output.write(`${plainLine(state)}\n`)
  }

  /** A line that stays, above the live ones. */
  note(line: string): void {
    const shown = this.#shown
    this.#paint([])
    this.#output.write(`${line}\n`)
    if (this.#isLive) this.#paint(shown)
  }

  /** Takes the live lines away; a later `update` draws them anew. */
  end(): void {
    this.#paint([])
    this.#phase = ""
  }

  #paint(lines: ReadonlyArray<string>): void {
    if (!this.#isLive) return
    const back = this.#shown.length === 0 ? "" : clearLine + upAndClear.repeat(this.#shown.length)
    const text = back + lines.map((line) => `${line}\n`).join("")
    if (text !== "") this.#output.write(text)
    this.#shown = lines
  }
}

function liveLines(state: ProgressState, columns: number): ReadonlyArray<string> {
  const share = state.totalMs <= 0 ? 0 : Math.min(1, state.elapsedMs / state.totalMs)
  const full = Math.round(share * barCells)
  const bar = "█".repeat(full) + "░".repeat(barCells - full)
  const times = `${formatTime(state.elapsedMs)} of about ${formatTime(state.totalMs)}`
  const lines = [
    `${state.phase.padEnd(8)} ${bar} ${times}`,
    factsOf(state),
    `now: ${state.current ?? "no fault"}`,
  ]
  // A line that wraps would be cleared only in part.
  return lines.map((line) => cut(line, columns - 1))
}

const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, Math.max(1, columns - 1))}…`

function plainLine(state: ProgressState): string {
  const current = state.current === undefined ? "" : ` · now: ${state.current}`
  return `${formatTime(state.elapsedMs)} ${state.phase}: ${factsOf(state)}${current}`
}

function factsOf({ acknowledged, faults, worstStallMs }: ProgressState): string {
  const bit = `${faults.done} of ${faults.planned} faults, ${faults.effective} effective`
  const stall = `longest stall ${formatDuration(worstStallMs)}`
  return `${formatCount(acknowledged)} acknowledged · ${bit} · ${stall}`
}
