/**
 * Has the fronts of logs deleted (DeleteRecords), up to somewhere or all that is committed. One
 * request at a time, never tried again.
 */
import { ErrorCode, errorName } from "../../../protocol/error-codes.ts"
import { deleteRecords } from "../../../protocol/messages/delete-records.ts"
import type { PartitionRef } from "../partition.ts"
import { askOffset } from "./ask-offsets.ts"
import { RawClient } from "./raw-client.ts"
import type { RawPorts } from "./raw-client.ts"

const latest = -1
/** In place of an offset: all that is committed. */
const toTheEnd = -1
const timeoutMs = 4000

/** Refused before anything was decided. */
const definite: ReadonlySet<number> = new Set<number>([
  ErrorCode.OFFSET_OUT_OF_RANGE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.POLICY_VIOLATION,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
])

export class Remover {
  readonly #client: RawClient
  readonly #refs: ReadonlyArray<PartitionRef>
  readonly #thinkMs: number
  #isStopping = false
  #isBusy = false

  constructor(name: string, ports: RawPorts, refs: ReadonlyArray<PartitionRef>, thinkMs: number) {
    this.#client = new RawClient(name, ports)
    this.#refs = refs
    this.#thinkMs = thinkMs
  }

  get outstanding(): number {
    return this.#isBusy ? 1 : 0
  }

  start(): void {
    this.#later()
  }

  stop(): void {
    this.#isStopping = true
  }

  dispose(): Promise<void> {
    this.#isStopping = true
    this.#client.dispose()
    return Promise.resolve()
  }

  #later(): void {
    this.#client.after(1 + this.#client.chance.below(2 * this.#thinkMs), () => void this.#turn())
  }

  async #turn(): Promise<void> {
    if (this.#isStopping) return
    this.#isBusy = true
    await this.#remove(this.#client.pick(this.#refs)).catch(() => undefined)
    this.#isBusy = false
    this.#later()
  }

  /** Rejects when the history takes nothing more: then nothing is asked for. */
  async #remove(ref: PartitionRef): Promise<void> {
    const client = this.#client
    const end = await askOffset(client, ref, latest)
    const { node } = client.leaderOf(ref)
    if (end === undefined || node === -1) return
    const offset = client.chance.below(4) === 0 ? toTheEnd : client.chance.below(end + 1)
    const call = { f: "remove" as const, partition: ref.key, offset, lowWatermark: -1 }
    const begun = client.ports.recorder.begin(client.name, call)
    const partitions = [{ partitionIndex: ref.partition, offset }]
    const topics = [{ name: ref.topic.name, partitions }]
    const input = { topics, timeoutMs: timeoutMs / 2 }
    const reply = await client.ask(node, deleteRecords, input, { timeoutMs })
    const told = { node, connection: reply.connection, attempts: 1 }
    const result = reply._tag === "answer" ? reply.answer.topics[0]?.partitions[0] : undefined
    if (result?.errorCode === ErrorCode.NONE) {
      const { lowWatermark } = result
      return begun.end({ ...told, outcome: "ok" }, { f: "remove", lowWatermark })
    }
    client.forgetLeader(ref)
    const isDefinite =
      reply._tag === "unsent" || (result !== undefined && definite.has(result.errorCode))
    const error = result === undefined ? "LOST" : errorName(result.errorCode)
    begun.end({ ...told, outcome: isDefinite ? "fail" : "info", error })
  }
}
