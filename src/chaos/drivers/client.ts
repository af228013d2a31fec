/** What workloads ask of every client, whoever wrote it. */
import type { ClientControl } from "../workload.ts"
import type { PartitionRef } from "./partition.ts"

/** A record before it has a name: its value is made of the client's next one. */
export interface RecordShape {
  readonly key: string | null
  /** At least as long as its name. */
  readonly valueBytes: number
  /** It deletes its key: no value, its name is in a header. With all others of its append. */
  readonly isTombstone?: boolean
}

/** What clients tell of themselves while they work. */
export interface Tally {
  /** Acknowledged by all in-sync replicas. */
  wrote(records: number): void
  saw(records: number): void
}

interface DrivenClient {
  readonly control: ClientControl
  /** Operations under way; bounded by the client. */
  readonly outstanding: number
  /** Begins nothing new by itself from here on. */
  stop(): void
  /** Ends its connections and processes; what is under way then is recorded as unknown. */
  dispose(): Promise<void>
}

export interface ProducerClient extends DrivenClient {
  /**
   * One append. False: it has enough under way, or is not ready; nothing was begun. Throws what the
   * recorder throws, and has written nothing then.
   */
  produce(ref: PartitionRef, records: ReadonlyArray<RecordShape>): boolean
}

/** Reads by itself once it has been started, in its own time. */
export interface ConsumerClient extends DrivenClient {
  start(): void
}
