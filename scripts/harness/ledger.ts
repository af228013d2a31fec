/**
 * What was acknowledged beside what is there: pure, so that planted losses can show it able to
 * fail.
 */

/**
 * One record a producer was told is safe. A `seq` rises with every record that the producer sends.
 */
export interface Acknowledged {
  readonly producer: string
  readonly seq: number
  readonly partition: number
  /** -1 where the client does not say. */
  readonly offset: number
}

export interface Found {
  readonly producer: string
  readonly seq: number
  readonly partition: number
  readonly offset: number
}

export interface LedgerOptions {
  /** Producers whose records must be there at most once; the others may double on a retry. */
  isIdempotent(producer: string): boolean
}

export interface Problem {
  readonly _tag: "lost" | "doubled" | "reordered" | "wrong-offset" | "offset-taken-twice"
  readonly detail: string
  /** The acknowledgement that does not hold, where it is one. */
  readonly ack?: Acknowledged
}

const name = (record: { producer: string; seq: number; partition: number }) =>
  `${record.producer} #${record.seq} in partition ${record.partition}`

/** Compares the acknowledgements with everything read from the first offset to the end; [] is good.
 *  Records that were sent and never acknowledged may be there or not. */
export function audit(
  acknowledged: ReadonlyArray<Acknowledged>,
  found: ReadonlyArray<Found>,
  options: LedgerOptions,
): Array<Problem> {
  const copies = new Map<string, Array<Found>>()
  const places = new Set<string>()
  const problems: Array<Problem> = []
  for (const record of found) {
    const place = `${record.partition}@${record.offset}`
    if (places.has(place)) {
      problems.push({ _tag: "offset-taken-twice", detail: `partition@offset ${place}` })
    }
    places.add(place)
    const list = copies.get(`${record.producer}#${record.seq}`)
    if (list === undefined) copies.set(`${record.producer}#${record.seq}`, [record])
    else list.push(record)
  }
  for (const list of copies.values()) {
    const [first] = list
    if (first !== undefined && list.length > 1 && options.isIdempotent(first.producer)) {
      const at = list.map((copy) => `${copy.partition}@${copy.offset}`).join(", ")
      problems.push({ _tag: "doubled", detail: `${name(first)} at ${at}` })
    }
  }
  for (const ack of acknowledged) {
    const list = copies.get(`${ack.producer}#${ack.seq}`) ?? []
    const there = list.filter((copy) => copy.partition === ack.partition)
    if (there.length === 0) problems.push({ _tag: "lost", detail: name(ack), ack })
    else if (ack.offset >= 0 && !there.some((copy) => copy.offset === ack.offset)) {
      const at = there.map((copy) => copy.offset).join(", ")
      problems.push({
        _tag: "wrong-offset",
        detail: `${name(ack)} acknowledged at ${ack.offset}, found at ${at}`,
        ack,
      })
    }
  }
  return [...problems, ...disorder(found)]
}

/** First copies of one producer's records must rise in every partition. */
function disorder(found: ReadonlyArray<Found>): Array<Problem> {
  const problems: Array<Problem> = []
  const highest = new Map<string, number>()
  const seen = new Set<string>()
  const inOrder = [...found].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  for (const record of inOrder) {
    const id = `${record.producer}#${record.seq}@${record.partition}`
    if (seen.has(id)) continue
    seen.add(id)
    const stream = `${record.producer}@${record.partition}`
    const before = highest.get(stream) ?? -1
    if (record.seq < before) {
      problems.push({ _tag: "reordered", detail: `${name(record)} comes after #${before}` })
    }
    highest.set(stream, Math.max(before, record.seq))
  }
  return problems
}
