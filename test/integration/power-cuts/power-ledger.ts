/**
 * Acknowledgements and readings of many cuts, compared as they come: what was acknowledged or read
 * once must be there at every later reading, once, in order, at its offset.
 */
import type { Acknowledged, Found } from "../../../scripts/harness/ledger.ts"

export interface LedgerProblem {
  readonly _tag: "lost" | "changed" | "doubled" | "reordered" | "wrong-offset"
  readonly detail: string
}

const nameOf = (record: Found | Acknowledged) => `${record.producer}:${record.seq}`
const placeOf = (record: Found | Acknowledged) => `${record.partition}@${record.offset}`

export class PowerLedger {
  /** Records by partition and offset. Every producer here writes a record once. */
  private readonly partitions: ReadonlyArray<Map<number, string>>
  private readonly places = new Map<string, string>()
  private readonly highest = new Map<string, number>()
  /** Where each partition was read up to: the first offset not read yet. */
  readonly ends: Array<number>
  private readonly unread: Array<Acknowledged> = []
  acknowledged = 0

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => new Map<number, string>())
    this.ends = Array.from({ length: partitions }, () => 0)
  }

  /** Records read at all. */
  get found(): number {
    return this.places.size
  }

  /** To be called before the reading begins that must find them. */
  acknowledge(acks: ReadonlyArray<Acknowledged>): void {
    this.acknowledged += acks.length
    this.unread.push(...acks)
  }

  /** Everything from `ends` on, in order of offset within each partition. */
  readTail(records: ReadonlyArray<Found>): ReadonlyArray<LedgerProblem> {
    const problems = records.flatMap((record) => this.take(record))
    return [...problems, ...this.settle()]
  }

  /** Everything from the first offset on. */
  readAll(records: ReadonlyArray<Found>): ReadonlyArray<LedgerProblem> {
    const seen = this.partitions.map(() => new Set<number>())
    const fresh: Array<Found> = []
    const problems: Array<LedgerProblem> = []
    for (const record of records) {
      seen[record.partition]?.add(record.offset)
      const before = this.partitions[record.partition]?.get(record.offset)
      if (before === undefined) fresh.push(record)
      else if (before !== nameOf(record)) {
        const detail = `${placeOf(record)} was ${before} and is ${nameOf(record)}`
        problems.push({ _tag: "changed", detail })
      }
    }
    for (const [partition, known] of this.partitions.entries()) {
      for (const [offset, name] of known) {
        if (seen[partition]?.has(offset) === true) continue
        problems.push({ _tag: "lost", detail: `${name}, once read at ${partition}@${offset}` })
        // It is told once.
        known.delete(offset)
      }
    }
    return [...problems, ...this.readTail(fresh)]
  }

  private take(record: Found): ReadonlyArray<LedgerProblem> {
    const { producer, seq, partition, offset } = record
    const known = this.partitions[partition]
    const problems: Array<LedgerProblem> = []
    if (offset < (this.ends[partition] ?? 0)) {
      problems.push({ _tag: "changed", detail: `${nameOf(record)} is new at ${placeOf(record)}` })
    }
    const elsewhere = this.places.get(nameOf(record))
    if (elsewhere !== undefined) {
      const detail = `${nameOf(record)} at ${elsewhere} and ${placeOf(record)}`
      problems.push({ _tag: "doubled", detail })
    }
    const stream = `${producer}@${partition}`
    const before = this.highest.get(stream) ?? -1
    if (seq < before) {
      problems.push({ _tag: "reordered", detail: `${nameOf(record)} comes after #${before}` })
    }
    this.highest.set(stream, Math.max(before, seq))
    this.places.set(nameOf(record), placeOf(record))
    known?.set(offset, nameOf(record))
    this.ends[partition] = Math.max(this.ends[partition] ?? 0, offset + 1)
    return problems
  }

  private settle(): ReadonlyArray<LedgerProblem> {
    const acks = this.unread.splice(0)
    return acks.flatMap((ack): ReadonlyArray<LedgerProblem> => {
      const place = this.places.get(nameOf(ack))
      if (place === undefined) {
        return [{ _tag: "lost", detail: `${nameOf(ack)}, acknowledged at ${placeOf(ack)}` }]
      }
      const isThere =
        ack.offset < 0 ? place.startsWith(`${ack.partition}@`) : place === placeOf(ack)
      const detail = `${nameOf(ack)} acknowledged at ${placeOf(ack)}, found at ${place}`
      return isThere ? [] : [{ _tag: "wrong-offset", detail }]
    })
  }
}
