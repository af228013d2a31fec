/** A bar on a terminal; where there is none, a single line at the end. */
export class Progress {
  private readonly what: string
  private readonly bytesTotal: number
  private readonly startedMs = performance.now()
  private records = 0
  private bytes = 0
  private drawnMs = 0

  constructor(what: string, bytesTotal: number) {
    this.what = what
    this.bytesTotal = bytesTotal
  }

  add(records: number, bytes: number): void {
    this.records += records
    this.bytes += bytes
    const nowMs = performance.now()
    if (process.stderr.isTTY && nowMs - this.drawnMs > 50) {
      this.drawnMs = nowMs
      process.stderr.write(`\r${this.bar()} ${this.figures()}\u001b[K`)
    }
  }

  finish(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
    console.log(this.figures())
  }

  private bar(): string {
    const width = 30
    const done = Math.min(width, Math.round((width * this.bytes) / this.bytesTotal))
    return `[${"█".repeat(done)}${"·".repeat(width - done)}]`
  }

  private figures(): string {
    const seconds = (performance.now() - this.startedMs) / 1_000
    const records = `${Math.round(this.records / seconds)} records/s`
    const bytes = `${(this.bytes / seconds / 1e6).toFixed(1)} MB/s`
    return `${this.what}: ${this.records} records, ${records}, ${bytes}`
  }
}
