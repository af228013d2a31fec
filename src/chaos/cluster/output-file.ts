/**
 * What a process says on standard output and error, in a file that it shares with its forerunners.
 */
import { appendFileSync, closeSync, openSync, readSync, statSync } from "node:fs"

/** Enough for the last lines, and for a line that is looked for in pieces. */
const keptBytes = 8 * 1024

export class OutputFile {
  private readonly path: string
  private readBytes = 0
  /** The end of what was read of the present process. */
  private tail = ""
  private found = false

  constructor(path: string) {
    this.path = path
  }

  /** For the next process; the caller closes it. */
  open(headline: string): number {
    appendFileSync(this.path, `--- ${headline}\n`)
    this.readBytes = statSync(this.path).size
    this.tail = ""
    this.found = false
    return openSync(this.path, "a")
  }

  /** Whether the present process has said such a line; ask always for the same one. */
  has(line: RegExp): boolean {
    this.read(() => {
      this.found ||= line.test(this.tail)
    })
    return this.found
  }

  lastLines(count: number): string {
    this.read(() => {})
    return this.tail.trimEnd().split("\n").slice(-count).join("\n")
  }

  private read(look: () => void): void {
    const file = openSync(this.path, "r")
    try {
      const buffer = Buffer.alloc(keptBytes)
      for (;;) {
        const bytes = readSync(file, buffer, 0, buffer.length, this.readBytes)
        if (bytes === 0) return
        this.readBytes += bytes
        this.tail = (this.tail + buffer.toString("utf8", 0, bytes)).slice(-2 * keptBytes)
        look()
      }
    } finally {
      closeSync(file)
    }
  }
}
