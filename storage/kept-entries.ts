/**
 * What compaction leaves of entries, gathered for a copy of the files they are in: payloads copied
 * once, into memory that is shared with the thread of housekeeping, and seven numbers for each.
 */
import type { Entry, LogIndex } from "../raft/types.ts"
import type { Compaction, GroupId, Kept } from "./wal.ts"

const stride = 6
const [INDEX, ENTRY_CRC, KEPT_CRC, CHUNK, POSITION, BYTES] = [0, 1, 2, 3, 4, 5] as const
const chunkBytes = 1024 * 1024

/** Kept entries of one group, ascending by index; both arrays are shared memory. */
export interface KeptOfGroup {
  readonly group: GroupId
  readonly numbers: Float64Array
  readonly chunks: ReadonlyArray<Uint8Array>
}

/** What is stored of an entry from now on. */
export interface KeptPayload {
  readonly keptCrc: number
  readonly payload: Uint8Array
}

export class KeptEntries implements Compaction {
  bytes = 0
  private readonly groups = new Map<GroupId, GrowingNumbers>()
  private readonly chunks: Array<Uint8Array> = []
  private used = 0
  private readonly onFinish: (kept: KeptEntries, settled: Kept) => void
  private finished = false

  constructor(onFinish: (kept: KeptEntries, settled: Kept) => void) {
    this.onFinish = onFinish
  }

  keep(group: GroupId, { index, entryCrc, keptCrc, payload }: Entry): void {
    if (this.finished) throw new Error("this compaction is finished")
    if (keptCrc === 0) throw new Error(`group ${group} index ${index}: nothing was taken of it`)
    let numbers = this.groups.get(group)
    if (numbers === undefined) this.groups.set(group, (numbers = new GrowingNumbers()))
    if (index <= numbers.lastIndex) throw new Error(`group ${group}: ${index} is not in order`)
    const position = this.place(payload)
    numbers.push([index, entryCrc, keptCrc, this.chunks.length - 1, position, payload.length])
    this.bytes += payload.length + stride * Float64Array.BYTES_PER_ELEMENT
  }

  finish(settled: Kept): void {
    if (this.finished) throw new Error("this compaction is finished")
    this.finished = true
    this.onFinish(this, settled)
  }

  get isEmpty(): boolean {
    return this.groups.size === 0
  }

  groupIds(): ReadonlyArray<GroupId> {
    return [...this.groups.keys()]
  }

  /** Those of the group with an index in [first, last]; undefined when there are none. */
  within(group: GroupId, first: LogIndex, last: LogIndex): KeptOfGroup | undefined {
    const all = this.groups.get(group)
    if (all === undefined) return undefined
    const [from, to] = [all.find(first), all.find(last + 1)]
    return from === to ? undefined : { group, numbers: all.view(from, to), chunks: this.chunks }
  }

  private place(payload: Uint8Array): number {
    const room = this.chunks.at(-1)
    if (room === undefined || this.used + payload.length > room.length) {
      this.chunks.push(new Uint8Array(new SharedArrayBuffer(Math.max(chunkBytes, payload.length))))
      this.used = 0
    }
    const position = this.used
    this.chunks.at(-1)?.set(payload, position)
    this.used += payload.length
    return position
  }
}

class GrowingNumbers {
  private count = 0
  private data = shared(64)

  get lastIndex(): LogIndex {
    return this.count === 0 ? 0 : (this.data[(this.count - 1) * stride + INDEX] ?? 0)
  }

  push(values: ReadonlyArray<number>): void {
    if ((this.count + 1) * stride > this.data.length) {
      const grown = shared(this.count * 2)
      grown.set(this.data)
      this.data = grown
    }
    this.data.set(values, this.count * stride)
    this.count += 1
  }

  /** Place of the first with an index ≥ `index`. */
  find(index: LogIndex): number {
    return findIndex(this.data, this.count, index)
  }

  view(from: number, to: number): Float64Array {
    return this.data.subarray(from * stride, to * stride)
  }
}

function shared(entries: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(entries * stride * Float64Array.BYTES_PER_ELEMENT))
}

function findIndex(numbers: Float64Array, count: number, index: LogIndex): number {
  let lo = 0
  let hi = count
  while (lo < hi) {
    const middle = (lo + hi) >>> 1
    if ((numbers[middle * stride + INDEX] ?? Infinity) < index) lo = middle + 1
    else hi = middle
  }
  return lo
}

/** On the other thread: looking them up. */
export class KeptLookup {
  private readonly groups: ReadonlyMap<GroupId, KeptOfGroup>

  constructor(groups: ReadonlyArray<KeptOfGroup>) {
    this.groups = new Map(groups.map((kept) => [kept.group, kept]))
  }

  /** Undefined: the entry stays as it is stored, or another one is in its place. */
  of(group: GroupId, index: LogIndex, entryCrc: number): KeptPayload | undefined {
    const kept = this.groups.get(group)
    if (kept === undefined) return undefined
    const { numbers, chunks } = kept
    const at = findIndex(numbers, numbers.length / stride, index) * stride
    if (numbers[at + INDEX] !== index || numbers[at + ENTRY_CRC] !== entryCrc) return undefined
    const position = numbers[at + POSITION] ?? 0
    const chunk = chunks[numbers[at + CHUNK] ?? -1]
    const payload = chunk?.subarray(position, position + (numbers[at + BYTES] ?? 0))
    return payload && { keptCrc: numbers[at + KEPT_CRC] ?? 0, payload }
  }
}
