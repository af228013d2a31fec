/**
 * What a test's own producers and consumers did and were told, and what may be concluded from it.
 * Any client library: the test says what it does, in a line around each call.
 */
import { startRunClock } from "../chaos/clock.ts"
import { History } from "../chaos/history/history.ts"
import type { Call, Operation, SeenRecord, Told } from "../chaos/history/history.ts"
import { historyLines } from "../chaos/history/lines.ts"
import type { Recorder } from "../chaos/history/recorder.ts"
import { drainTopics } from "./drain.ts"
import type { DrainOptions } from "./drain.ts"
import { judgeHistory } from "./judge.ts"
import type { Promises } from "./judge.ts"
import { placeRecords, placesIn } from "./places.ts"
import type { Place } from "./places.ts"
import { contentOf, identifyByValue, isTombstone, partitionName, textOf } from "./records.ts"
import type { Offset, ReadRecord, RecordContent, SentRecord } from "./records.ts"
import type { TestCluster } from "./test-cluster.ts"
import { unprocessed } from "./unprocessed.ts"
import type { TestVerdict } from "./verdict.ts"

export interface HistoryOptions {
  /**
   * What tells a record from all others of its topic; unless said otherwise its value. Two records
   * that are called the same are taken for one that was sent twice.
   */
  readonly identify?: (record: RecordContent) => string
}

export interface SendOptions<A> {
  /** −1 (all) unless said otherwise. */
  readonly acks?: -1 | 0 | 1
  /** The library's retries write nothing twice. False unless said: then they may. */
  readonly idempotent?: boolean
  /** Where the records lie, where `placesIn` does not understand the library's answer. */
  readonly places?: (answer: A) => Iterable<Place>
  /**
   * After this error the record is certainly not in the log. False unless said: of most errors
   * nobody knows.
   */
  readonly definite?: (error: unknown) => boolean
}

export interface ReaderOptions {
  /** Whoever reads under one name shares the work; without one every process has all of it. */
  readonly group?: string
}

export interface Commit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Of the next record to be read. */
  readonly offset: Offset
}

export interface SettleOptions {
  readonly timeoutMs?: number
  /** By its group, or the name of its process; any reader, unless said otherwise. */
  readonly reader?: string
}

const settlePollMs = 10

export class TestHistory {
  readonly #clock = startRunClock()
  readonly #history = new History(() => this.#clock.nowMs())
  readonly #identify: (record: RecordContent) => string
  /** Ids of idempotent producers: every call has one, for libraries promise no order of calls. */
  #nextProducer = -2
  /** Operations of the last drain begin here. */
  #drainedFrom: number | undefined

  constructor(options: HistoryOptions = {}) {
    this.#identify = options.identify ?? identifyByValue
  }

  /**
   * Sends by `send`, whose promise says what became of it: resolved is acknowledged, rejected is
   * unknown, unless `definite` knows better. Gives what it gives.
   */
  async sent<A>(
    process: string,
    records: SentRecord | ReadonlyArray<SentRecord>,
    send: () => Promise<A>,
    options: SendOptions<A> = {},
  ): Promise<A> {
    const list: ReadonlyArray<SentRecord> = isList(records) ? records : [records]
    const ids = list.map((record) => this.#history.invoke(process, this.#append(record, options)))
    try {
      const answer = await send()
      const places = [...(options.places?.(answer) ?? placesIn(answer))]
      const placed = placeRecords(list, places)
      ids.forEach((id, i) => {
        const { topic = "", partition = -1 } = list[i] ?? {}
        const place = placed[i] ?? { partition, offset: -1 }
        const told = { partition: partitionName(topic, place.partition), offset: place.offset }
        this.#history.complete(id, { outcome: "ok", attempts: 1 }, { f: "append", ...told })
      })
      return answer
    } catch (error) {
      const outcome = options.definite?.(error) === true ? "fail" : "info"
      const told: Told = { outcome, attempts: 1, error: messageOf(error) }
      for (const id of ids) this.#history.complete(id, told)
      throw error
    }
  }

  /** A consumer was given these, in this order. Whoever names no group reads without gaps. */
  received(
    process: string,
    records: ReadRecord | ReadonlyArray<ReadRecord>,
    options: ReaderOptions = {},
  ): void {
    const list: ReadonlyArray<ReadRecord> = isList(records) ? records : [records]
    const byPartition = Map.groupBy(list, (one) => partitionName(one.topic, one.partition))
    for (const [partition, own] of byPartition) {
      const seen = own.map((one): SeenRecord => [Number(one.offset), this.#nameOf(one), -1])
      this.#tell(process, {
        f: "poll",
        partition,
        from: -1,
        records: seen,
        highWatermark: -1,
        logStartOffset: -1,
        ...options,
      })
    }
  }

  /** What is to be done with the record HAS been done; call it where the effect is. */
  processed(process: string, record: ReadRecord, options: ReaderOptions = {}): void {
    this.#tell(process, {
      f: "process",
      group: options.group ?? process,
      partition: partitionName(record.topic, record.partition),
      offset: Number(record.offset),
      value: this.#nameOf(record),
      key: textOf(record.key),
    })
  }

  /** Commits by `commit`, as `sent` sends. */
  async committed<A>(
    process: string,
    commits: Commit | ReadonlyArray<Commit>,
    commit: () => Promise<A>,
    options: Pick<SendOptions<A>, "definite"> = {},
  ): Promise<A> {
    const list: ReadonlyArray<Commit> = isList(commits) ? commits : [commits]
    const ids = list.map(({ group, topic, partition, offset }) =>
      this.#history.invoke(process, {
        f: "commit",
        group,
        partition: partitionName(topic, partition),
        offset: Number(offset),
        tag: "",
        member: process,
        generation: -1,
      }),
    )
    try {
      const answer = await commit()
      for (const id of ids) this.#history.complete(id, { outcome: "ok" })
      return answer
    } catch (error) {
      const outcome = options.definite?.(error) === true ? "fail" : "info"
      for (const id of ids) this.#history.complete(id, { outcome, error: messageOf(error) })
      throw error
    }
  }

  /**
   * Waits until every acknowledged record has been processed, at most 10 s unless said otherwise.
   * False when the time is over: the check then says which were not.
   */
  async settled(options: SettleOptions = {}): Promise<boolean> {
    const deadlineMs = this.#clock.nowMs() + (options.timeoutMs ?? 10_000)
    for (;;) {
      const beganMs = this.#clock.nowMs()
      if (unprocessed(this.operations, options.reader) === 0) return true
      const nowMs = this.#clock.nowMs()
      if (nowMs > deadlineMs) return false
      // Looking takes longer the longer the history is, and others need the time.
      await this.#clock.sleep(Math.max(settlePollMs, 4 * (nowMs - beganMs)))
    }
  }

  /**
   * Reads back what every replica holds of every topic that was sent to: after the heal, when
   * nobody writes any more. Without it nothing says that what was acknowledged is kept. Rejects
   * when a replica cannot be read completely.
   */
  async drain(cluster: TestCluster, options: DrainOptions = {}): Promise<void> {
    const topics = options.topics ?? this.#topics()
    const from = this.operations.length
    await drainTopics(cluster, topics, {
      clock: this.#clock,
      recorder: this.#recorder,
      timeoutMs: options.timeoutMs ?? 30_000,
      nameOf: (topic, record) => this.#identify(contentOf(topic, record)),
    })
    this.#drainedFrom = from
  }

  /** What was promised and what is true. */
  check(promises: Promises = {}): TestVerdict {
    return judgeHistory(this.operations, promises, this.#drainedFrom)
  }

  get operations(): ReadonlyArray<Operation> {
    return this.#history.operations
  }

  /** The history as lines of JSON, as `varve chaos` writes them. */
  *lines(): Generator<string> {
    yield* historyLines(this.operations)
  }

  #append<A>(record: SentRecord, { acks = -1, idempotent = false }: SendOptions<A>): Call {
    const key = textOf(record.key)
    return {
      f: "append",
      partition: partitionName(record.topic, record.partition ?? -1),
      values: [this.#nameOf(record)],
      ...(key === "" ? {} : { keys: [key] }),
      ...(isTombstone(record) ? { tombstone: true } : {}),
      acks,
      producer: idempotent ? { id: this.#nextProducer--, epoch: 0, baseSequence: 0 } : null,
      ...(idempotent ? {} : { duplicates: "allowed" }),
      timestampMs: -1,
      offset: -1,
    }
  }

  #nameOf(record: ReadRecord | SentRecord): string {
    return this.#identify(contentOf(record.topic, record))
  }

  /** Of what has happened by now. */
  #tell(process: string, call: Call): void {
    this.#history.complete(this.#history.invoke(process, call), { outcome: "ok" })
  }

  #topics(): ReadonlyArray<string> {
    const names = this.operations.flatMap((one) => (one.f === "append" ? [one.partition] : []))
    return [...new Set(names.map((name) => name.slice(0, name.lastIndexOf("/"))))]
  }

  readonly #recorder: Recorder = {
    begin: (process, call) => {
      const id = this.#history.invoke(process, call)
      return { end: (told, result) => this.#history.complete(id, told, result) }
    },
  }
}

const isList = <A>(value: A | ReadonlyArray<A>): value is ReadonlyArray<A> => Array.isArray(value)

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n", 1).join("").slice(0, 200)
