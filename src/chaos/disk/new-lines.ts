/** What a broker's log says from a moment on. */
import { existsSync, openSync, closeSync, fstatSync, readSync, statSync } from "node:fs"

const bytesMax = 4 << 20

export class NewLines {
  private readonly path: string
  private readonly from: number

  constructor(path: string) {
    this.path = path
    this.from = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Since it was made; of more than some megabytes the last. */
  all(): ReadonlyArray<string> {
    if (!existsSync(this.path)) return []
    const file = openSync(this.path, "r")
    try {
      const { size } = fstatSync(file)
      // A smaller file is another one.
      const begin = Math.max(size < this.from ? 0 : this.from, size - bytesMax)
      const bytes = Buffer.alloc(size - begin)
      readSync(file, bytes, 0, bytes.length, begin)
      return bytes.toString("utf8").split("\n").slice(0, -1)
    } finally {
      closeSync(file)
    }
  }

  /** The first that matches, without its time and level. */
  find(pattern: RegExp): string | undefined {
    return this.all()
      .find((line) => pattern.test(line))
      ?.replace(/^\S+ \S+ +broker \d+: /, "")
  }
}
