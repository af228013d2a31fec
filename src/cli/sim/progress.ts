/**
 * How a campaign goes: one line that is written over on a terminal, a plain line every few seconds
 * where the output is piped.
 */
import { missing } from "../../sim/rare.ts"
import type { Totals } from "./campaign.ts"

const terminalEveryMs = 250
const plainEveryMs = 10_000

export class Progress {
  readonly #out: NodeJS.WriteStream
  readonly #startedMs = performance.now()
  /** The first plain line comes after one interval: a short run has its closing line alone. */
  #saidMs = performance.now()

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs
  }

  update(totals: Totals): void {
    const nowMs = performance.now()
    if (nowMs - this.#saidMs < (this.#out.isTTY ? terminalEveryMs : plainEveryMs)) return
    this.#saidMs = nowMs
    const line = this.summary(totals)
    this.#out.write(this.#out.isTTY ? `\r\u001B[2K${line}` : `${line}\n`)
  }

  done(): void {
    if (this.#out.isTTY) this.#out.write("\r\u001B[2K")
  }

  summary(totals: Totals): string {
    const minutes = Math.max(this.elapsedMs, 1) / 60_000
    const hours = totals.simulatedMs / 3_600_000
    const met = totals.rare.size
    return [
      `${totals.seeds} seeds`,
      `${Math.round(totals.seeds / minutes)}/min`,
      `${hours.toFixed(1)} simulated h (${(hours / minutes).toFixed(1)} h/min)`,
      `${short(totals.events)} events`,
      `${met} of ${met + missing(totals.rare).length} rare events met`,
      `${totals.findings.length} ${totals.findings.length === 1 ? "alarm" : "alarms"}`,
    ].join(", ")
  }
}

const short = (n: number): string => {
  if (n < 10_000) return `${n}`
  return n < 10_000_000 ? `${Math.round(n / 1_000)} k` : `${(n / 1_000_000).toFixed(1)} M`
}
