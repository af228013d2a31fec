/** What a terminal can show and a pipe should not: colours, and lines that are painted again. */

/** How a cell is meant; nothing but colour follows from it. */
export type Tone = "good" | "warning" | "bad" | "dim" | "bold"

const codes: Readonly<Record<Tone, string>> = {
  good: "\u001B[32m",
  warning: "\u001B[33m",
  bad: "\u001B[31m",
  dim: "\u001B[2m",
  bold: "\u001B[1m",
}

const plain = "\u001B[0m"

export interface Stream {
  readonly isTTY?: boolean
}

/** On a terminal, unless NO_COLOR is set; anywhere where FORCE_COLOR is. */
export function isColoured(
  stream: Stream,
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  if (env["NO_COLOR"]) return false
  if (env["FORCE_COLOR"] && env["FORCE_COLOR"] !== "0") return true
  return stream.isTTY === true && env["TERM"] !== "dumb"
}

export const toned = (text: string, tone: Tone | undefined, coloured: boolean): string =>
  tone === undefined || !coloured ? text : `${codes[tone]}${text}${plain}`

const clearScreen = "\u001B[H\u001B[2J\u001B[3J"
const clearLine = "\r\u001B[2K"

export interface Output extends Stream {
  /** False: nobody reads any more. */
  readonly write: (text: string) => unknown
}

/**
 * Draws again and again until the process is told to end or nobody reads: over what was drawn on a
 * terminal, below it anywhere else. Rejects with what `draw` rejects with.
 */
export async function watching(
  everyMs: number,
  draw: () => Promise<string>,
  output: Output,
): Promise<void> {
  for (;;) {
    const text = await draw()
    if (output.write(output.isTTY === true ? `${clearScreen}${text}` : text) === false) return
    await Bun.sleep(everyMs)
  }
}

const barCells = 30
const paintEveryMs = 100

/** A bar on a terminal, on standard error so that it mixes with nothing; elsewhere nothing. */
export class ProgressBar {
  readonly #label: string
  readonly #total: number
  readonly #output: Output
  #paintedMs = -Infinity

  constructor(label: string, total: number, output: Output = process.stderr) {
    this.#label = label
    this.#total = total
    this.#output = output
  }

  update(done: number, nowMs = performance.now()): void {
    if (this.#output.isTTY !== true || nowMs - this.#paintedMs < paintEveryMs) return
    this.#paintedMs = nowMs
    this.#output.write(`${clearLine}${formatBar(this.#label, done, this.#total)}`)
  }

  end(): void {
    if (this.#output.isTTY === true && this.#paintedMs > 0) this.#output.write(clearLine)
  }
}

export function formatBar(label: string, done: number, total: number): string {
  const share = total <= 0 ? 1 : Math.min(1, done / total)
  const full = Math.round(share * barCells)
  const bar = "█".repeat(full) + "░".repeat(barCells - full)
  return `${label} ${bar} ${`${Math.floor(share * 100)}`.padStart(3)} %  ${done} of ${total}`
}
