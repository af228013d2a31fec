/**
 * The one writer of a run's history: operations in memory, and each event as a line of a file the
 * moment it is known. What is in the file survives this process, and after a second the machine.
 */
import { closeSync, fdatasync, openSync, writeSync } from "node:fs"
import type { RunClock } from "../clock.ts"
import type { Call, Mutable, Operation, Told } from "./history.ts"
import { Interner } from "./interner.ts"
import { invokeText, nanosPerMs, returnText } from "./lines.ts"
import type { Begun, Recorder } from "./recorder.ts"
import { numberByTime } from "./time-order.ts"

const flushEveryMs = 200
const syncEveryMs = 1000
const bufferedBytesMax = 1024 * 1024
/** The rest is for the end of a run: recovery, and reading everything back. */
const nearlyFullShare = 0.75

export interface RecorderOptions {
  readonly clock: Pick<RunClock, "nowMs">
  /** Made anew; what was there is gone. */
  readonly path: string
  /** Past it `begin` throws. A million take about 0.9 GB of memory. Default: 4,000,000. */
  readonly operationsMax?: number
}

export interface FileRecorder extends Recorder {
  /** How many operations have begun. */
  readonly size: number
  /** Three quarters of what may begin have begun. */
  readonly isNearlyFull: boolean
  /** All so far, the n-th begun at place n, in the order that their times make. */
  operations(): ReadonlyArray<Operation>
  /**
   * Everything is on the disk when it resolves; rejects when the file could not be written. What
   * ends later is ignored, and remains pending.
   */
  close(): Promise<void>
}

/** Throws the file system's error where the file cannot be made. */
export const createRecorder = (options: RecorderOptions): FileRecorder => new Writer(options)

class Writer implements FileRecorder {
  readonly #operations: Array<Mutable<Operation>> = []
  readonly #interner = new Interner()
  readonly #clock: Pick<RunClock, "nowMs">
  readonly #operationsMax: number
  readonly #path: string
  readonly #file: number
  readonly #flushes: ReturnType<typeof setInterval>
  readonly #syncs: ReturnType<typeof setInterval>
  #buffer: Array<string> = []
  #bufferedBytes = 0
  #failure: Error | undefined
  /** One at a time: a slow disk must not pile them up. */
  #syncing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor({ clock, path, operationsMax = 4_000_000 }: RecorderOptions) {
    this.#clock = clock
    this.#path = path
    this.#operationsMax = operationsMax
    this.#file = openSync(path, "w")
    this.#flushes = setInterval(() => this.#flush(), flushEveryMs)
    this.#syncs = setInterval(() => {
      this.#syncing ??= this.#sync().finally(() => (this.#syncing = undefined))
    }, syncEveryMs)
    this.#flushes.unref()
    this.#syncs.unref()
  }

  get size(): number {
    return this.#operations.length
  }

  get isNearlyFull(): boolean {
    return this.size >= this.#operationsMax * nearlyFullShare
  }

  begin(process: string, call: Call, atMs = this.#clock.nowMs()): Begun {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#closing !== undefined) throw new Error("the history is closed")
    const id = this.#operations.length
    if (id >= this.#operationsMax) throw new Error(`a history of ${id} operations is full`)
    const operation: Mutable<Operation> = {
      id,
      process,
      invoked: -1,
      returned: Infinity,
      invokedMs: Math.floor(atMs * nanosPerMs) / nanosPerMs,
      returnedMs: -1,
      outcome: "pending",
      node: -1,
      connection: -1,
      attempts: 0,
      error: "",
      ...call,
    }
    this.#operations.push(this.#interner.operation(operation))
    this.#write(`{${invokeText(id, process, atMs, call)}\n`)
    return {
      end: (told, result = {}, endMs = this.#clock.nowMs()) => this.#end(id, told, result, endMs),
    }
  }

  operations(): ReadonlyArray<Operation> {
    numberByTime(this.#operations)
    return this.#operations
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #end(id: number, told: Told, result: Partial<Call>, atMs: number): void {
    const operation = this.#operations[id]
    if (operation === undefined || this.#closing !== undefined) return
    if (operation.outcome !== "pending") throw new Error(`operation ${id} returned twice`)
    // A client that is told at the very instant it asked may be off by the rounding of its clock.
    const endMs = Math.max(atMs, operation.invokedMs)
    this.#write(`{${returnText(id, operation.process, endMs, told, result)}\n`)
    Object.assign(operation, result, told, {
      returned: -1,
      returnedMs: Math.ceil(endMs * nanosPerMs) / nanosPerMs,
    })
    this.#interner.operation(operation)
  }

  #write(line: string): void {
    this.#buffer.push(line)
    this.#bufferedBytes += line.length
    if (this.#bufferedBytes > bufferedBytesMax) this.#flush()
  }

  #flush(): void {
    if (this.#buffer.length === 0) return
    const bytes = Buffer.from(this.#buffer.join(""))
    this.#buffer = []
    this.#bufferedBytes = 0
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at)
    } catch (error) {
      this.#note(error)
    }
  }

  #note(error: unknown): void {
    if (error === null || this.#failure !== undefined) return
    const why = error instanceof Error ? error.message : "for no reason told"
    this.#failure = new Error(`${this.#path} cannot be written: ${why}`)
  }

  async #close(): Promise<void> {
    clearInterval(this.#flushes)
    clearInterval(this.#syncs)
    this.#flush()
    await this.#syncing
    await this.#sync()
    closeSync(this.#file)
    if (this.#failure !== undefined) throw this.#failure
  }

  #sync(): Promise<void> {
    return new Promise((resolve) =>
      fdatasync(this.#file, (error) => {
        this.#note(error)
        resolve()
      }),
    )
  }
}
