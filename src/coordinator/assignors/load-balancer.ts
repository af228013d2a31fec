/**
 * Hands out, for one topic at a time, its least and most loaded subscribers: from both ends of the
 * subscribers sorted by load, each end a range of equal loads that is walked through before its
 * level moves by one and the range grows.
 *
 *     loads   least range →            ← most range
 *              [2 2 2 2]   3   4   5   [6 6 6]  (excluded: these have nothing to give)
 */
export class LoadBalancer {
  /** By member, kept by the caller; `start` reads it, the ranges follow by counting. */
  private readonly loads: ReadonlyArray<number>
  private sorted: number[] = []
  private leastEnd = 0
  private leastLevel = 0
  private nextLeast = 0
  private mostStart = 0
  private mostEnd = 0
  private mostLevel = 0
  private nextMost = 0

  constructor(loads: ReadonlyArray<number>) {
    this.loads = loads
  }

  /** The difference between the greatest and the least load. */
  start(subscribers: ReadonlyArray<number>): number {
    this.sorted = [...subscribers].sort((a, b) => this.load(a) - this.load(b) || a - b)
    const count = this.sorted.length
    const least = this.loadAt(0)
    const most = this.loadAt(count - 1)
    this.leastEnd = 0
    this.leastLevel = least - 1
    this.nextLeast = 0
    this.mostStart = count
    this.mostEnd = count
    this.mostLevel = most + 1
    this.nextMost = count - 1
    return most - least
  }

  get isBalanced(): boolean {
    return this.mostLevel - this.leastLevel <= 1
  }

  nextLeastLoaded(): number {
    if (this.nextLeast >= this.leastEnd) {
      this.leastLevel++
      while (this.leastEnd < this.sorted.length && this.loadAt(this.leastEnd) === this.leastLevel) {
        this.leastEnd++
      }
      this.nextLeast = 0
    }
    return this.at(this.nextLeast++)
  }

  /** Undefined: everybody was excluded. */
  nextMostLoaded(): number | undefined {
    if (this.nextMost < this.mostStart) {
      // A range that was emptied by exclusions must grow, whatever its level was.
      const isEmptied = this.mostEnd <= this.mostStart && this.mostStart > 0
      this.mostLevel = isEmptied ? this.loadAt(this.mostStart - 1) : this.mostLevel - 1
      while (this.mostStart > 0 && this.loadAt(this.mostStart - 1) === this.mostLevel) {
        this.mostStart--
      }
      this.nextMost = this.mostEnd - 1
    }
    if (this.nextMost < 0) return undefined
    return this.at(this.nextMost--)
  }

  /** The member just handed out as most loaded has nothing to give: out of the range with it. */
  excludeMostLoaded(): void {
    const at = this.nextMost + 1
    const end = this.mostEnd - 1
    const member = this.at(at)
    this.sorted[at] = this.at(end)
    this.sorted[end] = member
    this.mostEnd = end
  }

  private load(member: number): number {
    return this.loads[member] ?? 0
  }

  private at(index: number): number {
    const member = this.sorted[index]
    if (member === undefined) throw new Error("load balancer: no subscriber left")
    return member
  }

  private loadAt(index: number): number {
    return this.load(this.at(index))
  }
}
