/**
 * What clients did and what they were told, as VERIFICATION §3.1 has it: an operation is invoked,
 * and later it is ok, failed (it definitely had no effect) or its outcome is unknown (info). The
 * same data comes from the simulator and from clients of real clusters; the checks know no other.
 */

/** "pending": not returned when the history ended, which says as little as "info". */
export type OutcomeKind = "ok" | "fail" | "info" | "pending"

export interface ProducerKey {
  /**
   * −1: not idempotent. Below: a session of a client that keeps its ids to itself; `baseSequence`
   * then counts the records it was given for the partition.
   */
  readonly id: number
  readonly epoch: number
  readonly baseSequence: number
}

/** offset, value, leader epoch of its batch (−1: the client does not tell). */
export type SeenRecord = readonly [offset: number, value: string, epoch: number]

export interface Append {
  readonly f: "append"
  /** With number −1 (`partitionKey(topic, id, -1)`): the client chose, and has not told which. */
  readonly partition: string
  /** One batch on the wire. A client that may split what it is given gets an append for each. */
  readonly values: ReadonlyArray<string>
  /** Key of each value, where the topic is compacted; absent: none has a key. */
  readonly keys?: ReadonlyArray<string>
  /** The records delete their keys; a header carries what is called their value here. */
  readonly tombstone?: true
  readonly acks: -1 | 0 | 1
  readonly producer: ProducerKey | null
  /** The client may have sent it again out of sight, and is not idempotent: any number is right. */
  readonly duplicates?: "allowed"
  readonly timestampMs: number
  /** Of the first value; −1 while it is not known. */
  readonly offset: number
}

export interface Poll {
  readonly f: "poll"
  readonly partition: string
  /**
   * Offset asked for; −1 where the client does not tell: on from where this process got to before
   * in this partition, if it was there before and reads for no group.
   */
  readonly from: number
  /** Read as a member: others of the group may have read in between, so answers may jump. */
  readonly group?: string
  readonly records: ReadonlyArray<SeenRecord>
  /** −1 where the client does not tell, as with `logStartOffset`. */
  readonly highWatermark: number
  readonly logStartOffset: number
}

export interface ListOffsetsCall {
  readonly f: "list"
  readonly partition: string
  /** −1 latest, −2 earliest, −3 greatest timestamp, else a time. */
  readonly at: number
  readonly offset: number
  readonly timestampMs: number
  readonly epoch: number
}

export interface EpochEndCall {
  readonly f: "epochEnd"
  readonly partition: string
  readonly epoch: number
  readonly endOffset: number
  readonly endEpoch: number
}

/** The front of a log is to be deleted. */
export interface RemoveCall {
  readonly f: "remove"
  readonly partition: string
  /** −1: all that is committed. */
  readonly offset: number
  readonly lowWatermark: number
}

export interface TopicSeen {
  readonly name: string
  readonly id: string
  /** −1: none known. */
  readonly partitions: ReadonlyArray<{ readonly leader: number; readonly epoch: number }>
}

export interface MetadataCall {
  readonly f: "metadata"
  readonly topics: ReadonlyArray<TopicSeen>
  /** Asked for and not known there. */
  readonly missing: ReadonlyArray<string>
}

export interface TopicCall {
  readonly f: "create" | "delete" | "grow" | "reassign"
  readonly topic: string
  /** "" while it is not known. */
  readonly topicId: string
  readonly partitions: number
}

/** A config of a topic is to have this value, unlike that of any other such call. */
export interface ConfigureCall {
  readonly f: "configure"
  readonly topic: string
  /** "" while it is not known. */
  readonly topicId: string
  readonly key: string
  readonly value: string
}

/** What one broker says of one topic. */
export interface DescribeCall {
  readonly f: "describe"
  readonly topic: string
  /** It must know all that had been acknowledged when it was asked; else it may lag. */
  readonly fresh: boolean
  readonly exists: boolean
  /** "" where it is not told. */
  readonly topicId: string
  /** −1 where it is not told. */
  readonly partitions: number
  /** Of the config that `configure` sets; "" where it is not told. */
  readonly value: string
}

/** Everything a replica holds, read after the end. */
export interface Drain {
  readonly f: "drain"
  readonly partition: string
  readonly records: ReadonlyArray<SeenRecord>
  readonly highWatermark: number
  /** The highest that was told while it was read. */
  readonly logStartOffset: number
  /** cleanup.policy has `compact`: of each key the last value must be there, older ones need not. */
  readonly compacted?: true
}

/** A member was let into a group; its generation, or the member's epoch of the new protocol. */
export interface JoinCall {
  readonly f: "join"
  readonly group: string
  readonly member: string
  /** −1 while it is not known, or where the client does not tell; so below. */
  readonly generation: number
}

/** A member was told what it owns. */
export interface AssignCall {
  readonly f: "assign"
  /** Of the new protocol: `generation` is the member's epoch, and members may be epochs apart. */
  readonly protocol: "classic" | "consumer"
  readonly group: string
  readonly member: string
  readonly generation: number
  readonly partitions: ReadonlyArray<string>
  /**
   * How long the group must wait for this member to be heard of again before another one owns what
   * it owns: the lesser of session and rebalance timeout. Absent: unknown.
   */
  readonly timeoutMs?: number
}

/** A member was heard of, and told that nothing has changed. */
export interface HeartbeatCall {
  readonly f: "heartbeat"
  readonly group: string
  readonly member: string
  readonly generation: number
}

/** A member gives partitions up (revoked, or it leaves): from its invocation on. */
export interface ReleaseCall {
  readonly f: "release"
  readonly group: string
  readonly member: string
  readonly partitions: ReadonlyArray<string>
}

export interface CommitCall {
  readonly f: "commit"
  readonly group: string
  readonly partition: string
  readonly offset: number
  /** Of this commit alone: its metadata. "" where the client cannot set it. */
  readonly tag: string
  readonly member: string
  readonly generation: number
}

/** What a group was told that it has committed. */
export interface CommittedCall {
  readonly f: "committed"
  readonly group: string
  readonly partition: string
  /** −1: nothing. */
  readonly offset: number
  readonly tag: string
}

/** A consumer's effect of one record: what was to be done with it has been done. */
export interface ProcessCall {
  readonly f: "process"
  /** Whose effect it is: of all readers under this name together, each record is to have one. */
  readonly group: string
  readonly partition: string
  readonly offset: number
  readonly value: string
  /** "" where the record has none. */
  readonly key: string
}

export type GroupCall =
  | JoinCall
  | AssignCall
  | HeartbeatCall
  | ReleaseCall
  | CommitCall
  | CommittedCall

export type Call =
  | Append
  | Poll
  | ListOffsetsCall
  | EpochEndCall
  | RemoveCall
  | MetadataCall
  | TopicCall
  | ConfigureCall
  | DescribeCall
  | Drain
  | GroupCall
  | ProcessCall

export interface Span {
  readonly id: number
  readonly process: string
  /** Places in the one order of all invocations and returns. */
  readonly invoked: number
  /** Infinity while it has not returned. */
  readonly returned: number
  readonly invokedMs: number
  readonly returnedMs: number
  readonly outcome: OutcomeKind
  /** Asked last; −1: none. */
  readonly node: number
  /** A new one whenever the connection was made anew; so it ends with the broker's process. */
  readonly connection: number
  readonly attempts: number
  /** "" when there was none. */
  readonly error: string
}

export type Operation<C extends Call = Call> = Span & C

type OfKind<C extends Call, F> = C extends { readonly f: infer G }
  ? F extends G
    ? C
    : never
  : never

/** The operations of one kind, with its fields. */
export function operationsOf<F extends Call["f"]>(
  operations: ReadonlyArray<Operation>,
  f: F,
): ReadonlyArray<Operation<OfKind<Call, F>>> {
  const isIt = (operation: Operation): operation is Operation<OfKind<Call, F>> => operation.f === f
  return operations.filter(isIt)
}

/** Names the partition of one topic; a topic made anew under its name is another one. */
export const partitionKey = (topic: string, topicId: string, partition: number): string =>
  `${topic}#${topicId.slice(0, 8)}/${partition}`

/** What `partitionKey` says of the topic. */
export const topicOfKey = (key: string): string => key.slice(0, key.lastIndexOf("/"))

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface Told {
  readonly outcome: Exclude<OutcomeKind, "pending">
  readonly node?: number
  readonly connection?: number
  readonly attempts?: number
  readonly error?: string
}

/** Bounded: past `operationsMax` nothing new may begin. */
export class History {
  readonly #operations: Array<Mutable<Operation>> = []
  readonly #nowMs: () => number
  readonly operationsMax: number
  #events = 0

  constructor(nowMs: () => number, operationsMax = 2_000_000) {
    this.#nowMs = nowMs
    this.operationsMax = operationsMax
  }

  get operations(): ReadonlyArray<Operation> {
    return this.#operations
  }

  invoke(process: string, call: Call): number {
    const id = this.#operations.length
    if (id >= this.operationsMax) throw new Error(`a history of ${id} operations is full`)
    this.#operations.push({
      id,
      process,
      invoked: this.#events++,
      returned: Infinity,
      invokedMs: this.#nowMs(),
      returnedMs: -1,
      outcome: "pending",
      node: -1,
      connection: -1,
      attempts: 0,
      error: "",
      ...call,
    })
    return id
  }

  /** Once per operation; `result` replaces fields of its call. */
  complete(id: number, told: Told, result: Partial<Call> = {}): void {
    const operation = this.#operations[id]
    if (operation === undefined) throw new Error(`no operation ${id}`)
    if (operation.outcome !== "pending") throw new Error(`operation ${id} returned twice`)
    Object.assign(operation, result, told, {
      returned: this.#events++,
      returnedMs: this.#nowMs(),
    })
  }
}
