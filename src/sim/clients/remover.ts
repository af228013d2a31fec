/** Has the front of logs deleted (DeleteRecords), up to somewhere or all that is committed. */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { deleteRecords } from "../../protocol/messages/delete-records.ts"
import { partitionKey } from "../../chaos/history/history.ts"
import { askOffsets } from "./ask-offsets.ts"
import { Client } from "./client.ts"
import type { ClientPorts } from "./client.ts"
import type { PartitionRef } from "./topic-table.ts"

const timeoutMs = 4000
/** In place of an offset: all that is committed. */
const toTheEnd = -1

/** Refused before anything was decided. */
const definite: ReadonlySet<number> = new Set<number>([
  ErrorCode.OFFSET_OUT_OF_RANGE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.POLICY_VIOLATION,
])

export class Remover extends Client {
  readonly #thinkMs: number
  #busy = false

  constructor(name: string, seed: number, ports: ClientPorts, thinkMs: number) {
    super(name, seed, ports)
    this.#thinkMs = thinkMs
  }

  get outstanding(): number {
    return this.#busy ? 1 : 0
  }

  start(): void {
    this.after(this.prng.below(this.#thinkMs + 1), () => this.#think())
  }

  #think(): void {
    if (this.ports.mayBegin()) this.#begin()
    else this.#rest()
  }

  readonly #rest = (): void => {
    this.#busy = false
    this.after(1 + this.prng.below(2 * this.#thinkMs), () => this.#think())
  }

  #begin(): void {
    const ref = this.anyPartition()
    this.#busy = true
    // It goes by name: a topic made anew would be mistaken.
    if (ref === undefined || !ref.topic.isLasting) return this.refresh(this.#rest)
    askOffsets(this, ref, -1, (end) => {
      if (end < 0) return this.#rest()
      const isAll = this.prng.below(4) === 0
      this.#remove(ref, isAll ? toTheEnd : this.prng.below(end + 2))
    })
  }

  #remove(ref: PartitionRef, offset: number): void {
    const { topic, partition } = ref
    const { history } = this.ports
    const { node } = this.leaderOf(ref)
    if (node === -1) return this.refresh(this.#rest)
    const key = partitionKey(topic.name, topic.id, partition)
    const id = history.invoke(this.name, { f: "remove", partition: key, offset, lowWatermark: -1 })
    const partitions = [{ partitionIndex: partition, offset }]
    const input = { topics: [{ name: topic.name, partitions }], timeoutMs: timeoutMs / 2 }
    const version = this.pick([0, 1, 2])
    this.link.ask(node, deleteRecords, version, input, timeoutMs, ({ answer, connection }) => {
      const result = typeof answer === "string" ? undefined : answer.topics[0]?.partitions[0]
      const code = result?.errorCode
      const told = { node, connection, attempts: 1 }
      if (result !== undefined && code === ErrorCode.NONE) {
        const { lowWatermark } = result
        history.complete(id, { ...told, outcome: "ok" }, { f: "remove", lowWatermark })
        return this.#rest()
      }
      const outcome = code !== undefined && definite.has(code) ? "fail" : "info"
      const error = code === undefined ? "LOST" : errorName(code)
      history.complete(id, { ...told, outcome, error })
      this.refresh(this.#rest)
    })
  }
}
