/**
 * One object for what is told again and again: a record is read by several consumers and drained
 * from every replica, and a history of a million operations should fit into memory.
 */
import type { Operation, SeenRecord } from "./history.ts"

export class Interner {
  readonly #strings = new Map<string, string>()
  /** By partition; records whose epoch is not told stand below −1, at −2 − offset. */
  readonly #records = new Map<string, Map<number, SeenRecord>>()

  string(text: string): string {
    const known = this.#strings.get(text)
    if (known !== undefined) return known
    this.#strings.set(text, text)
    return text
  }

  /** The operation with what it has in common with others; changes it. */
  operation<T extends Operation>(operation: T): T {
    const shared: { process: string; error: string; partition?: string; group?: string } = operation
    shared.process = this.string(operation.process)
    shared.error = this.string(operation.error)
    if (shared.partition !== undefined) shared.partition = this.string(shared.partition)
    if (shared.group !== undefined) shared.group = this.string(shared.group)
    if (operation.f === "poll" || operation.f === "drain") {
      const records: { records: ReadonlyArray<SeenRecord> } = operation
      records.records = this.#shareRecords(operation.partition, operation.records)
    }
    return operation
  }

  #shareRecords(partition: string, records: ReadonlyArray<SeenRecord>): ReadonlyArray<SeenRecord> {
    if (records.length === 0) return none
    const known = this.#records.get(partition) ?? new Map<number, SeenRecord>()
    this.#records.set(partition, known)
    return records.map((record) => {
      const [offset, value, epoch] = record
      const key = epoch === -1 ? -2 - offset : offset
      const before = known.get(key)
      if (before === undefined) known.set(key, record)
      return before?.[1] === value && before[2] === epoch ? before : record
    })
  }
}

const none: ReadonlyArray<SeenRecord> = []
