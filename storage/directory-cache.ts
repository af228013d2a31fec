/** The directories read last, bounded by bytes: an entry's neighbours are in the same directory. */
import type { Directory } from "./directory.ts"

export class DirectoryCache {
  private readonly byRow = new Map<number, Directory>()
  private readonly bytesMax: number
  private bytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get(row: number): Directory | undefined {
    const found = this.byRow.get(row)
    if (found === undefined) return undefined
    // A Map keeps insertion order: moving the entry to the end makes its first entry the least
    // recently used.
    this.byRow.delete(row)
    this.byRow.set(row, found)
    return found
  }

  add(directory: Directory): void {
    this.byRow.set(directory.seq, directory)
    this.bytes += directory.bytes.length
    for (const [row, oldest] of this.byRow) {
      if (this.bytes <= this.bytesMax) return
      this.byRow.delete(row)
      this.bytes -= oldest.bytes.length
    }
  }

  clear(): void {
    this.byRow.clear()
    this.bytes = 0
  }
}
