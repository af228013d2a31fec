/**
 * A foreign producer: told what to send, one record an operation, begun before it is told and ended
 * after its answer was read. What it does not answer, because it ended, is unknown.
 */
import type { Append, ProducerKey } from "../history/history.ts"
import type { Begun } from "../history/recorder.ts"
import { valueOf } from "../history/values.ts"
import type { ClientControl } from "../workload.ts"
import type { ProducerClient, RecordShape } from "./client.ts"
import { controlOf, taskWords } from "./foreign-client.ts"
import type { ForeignIdentity, ForeignPorts } from "./foreign-client.ts"
import { ForeignProcess, Lines } from "./foreign-process.ts"
import type { Answer, SendCommand } from "./foreign/lines.ts"
import type { PartitionRef } from "./partition.ts"

const outstandingMax = 300

interface Sent {
  readonly begun: Begun
}

export class ForeignProducer implements ProducerClient {
  readonly control: ClientControl
  readonly #name: string
  readonly #ports: ForeignPorts
  readonly #isIdempotent: boolean
  readonly #child: ForeignProcess
  readonly #lines = new Lines()
  readonly #sent = new Map<number, Sent>()
  /** By the child's own count, since it was begun. */
  readonly #sessions = new Map<number, number>()
  #session = 0
  #made = 0
  #isReady = false

  constructor(identity: ForeignIdentity, ports: ForeignPorts, isIdempotent: boolean) {
    this.#name = identity.name
    this.#ports = ports
    this.#isIdempotent = isIdempotent
    const words = taskWords(identity, ports, "producer", isIdempotent)
    this.#child = new ForeignProcess(words, ports.wards, {
      onStart: () => this.#lines.clear(),
      onOutput: (chunk) => this.#hear(chunk),
      onEnd: (how) => this.#ended(how),
    })
    this.control = controlOf(identity.name, "producer", this.#child, () => this.#made)
    this.#child.start()
  }

  get outstanding(): number {
    return this.#sent.size
  }

  produce(ref: PartitionRef, records: ReadonlyArray<RecordShape>): boolean {
    if (!this.#isReady || this.#sent.size + records.length > outstandingMax) return false
    for (const record of records) this.#send(ref, record)
    return true
  }

  stop(): void {
    this.#child.retire()
    this.#child.write(JSON.stringify({ do: "end" }))
  }

  async dispose(): Promise<void> {
    await this.#child.dispose()
    this.#lose("ABANDONED")
  }

  #send(ref: PartitionRef, { key, valueBytes }: RecordShape): void {
    const { recorder, runId } = this.#ports
    const n = this.#made++
    const process = `${this.#name}.${this.#session}`
    const value = `${runId}.${process}.${n}`
    const timestamp = Date.now()
    const call: Append = {
      f: "append",
      partition: ref.key,
      values: [value],
      acks: -1,
      producer: null,
      ...(this.#isIdempotent ? {} : { duplicates: "allowed" }),
      timestampMs: timestamp,
      offset: -1,
    }
    this.#sent.set(n, { begun: recorder.begin(process, call) })
    const { topic, partition } = ref
    const bytes = Buffer.from(valueOf(value, valueBytes)).toString("base64")
    const command: SendCommand = {
      do: "send",
      n,
      topic: topic.name,
      partition,
      key,
      value: bytes,
      timestamp,
    }
    this.#child.write(JSON.stringify(command))
  }

  #hear(chunk: Uint8Array): void {
    for (const line of this.#lines.push(chunk)) {
      const answer: Answer = JSON.parse(line)
      switch (answer.is) {
        case "ready":
          this.#isReady = true
          break
        case "ok":
          this.#acknowledged(answer.n, answer.session, answer.offset ?? -1)
          break
        case "unknown":
        case "fail":
          this.#failed(answer)
          break
        case "trouble":
          this.#ports.log(`${this.#name}: ${answer.error}`)
          break
        case "polled":
          break
      }
    }
  }

  #acknowledged(n: number, session: number, offset: number): void {
    const sent = this.#sent.get(n)
    if (sent === undefined) return
    this.#sent.delete(n)
    const producer = this.#isIdempotent ? this.#producerKey(session, n) : null
    sent.begun.end({ outcome: "ok", attempts: 1 }, { f: "append", offset, producer })
    this.#ports.tally.wrote(1)
  }

  #failed({ is, n, session, error }: Extract<Answer, { is: "unknown" | "fail" }>): void {
    const sent = this.#sent.get(n)
    if (sent === undefined) return
    this.#sent.delete(n)
    const outcome = is === "fail" ? "fail" : "info"
    const producer = this.#isIdempotent ? this.#producerKey(session, n) : null
    sent.begun.end({ outcome, attempts: 1, error }, { f: "append", producer })
    if (outcome === "info") this.#session++
  }

  /** The client keeps its ids and sequence numbers to itself. */
  #producerKey(session: number, n: number): ProducerKey {
    const id = this.#sessions.get(session) ?? this.#ports.sessionIds.next--
    this.#sessions.set(session, id)
    return { id, epoch: 0, baseSequence: n }
  }

  #ended(how: string): void {
    this.#isReady = false
    this.#sessions.clear()
    if (this.#sent.size > 0) this.#ports.log(`${this.#name} ended: ${how}`)
    this.#lose("PROCESS_ENDED")
    this.#session++
  }

  #lose(error: string): void {
    for (const { begun } of this.#sent.values()) begun.end({ outcome: "info", error, attempts: 1 })
    this.#sent.clear()
  }
}
