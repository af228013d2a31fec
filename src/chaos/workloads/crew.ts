/** The clients of a workload: begun, counted and ended together. */
import type { RunClock } from "../clock.ts"
import type { ConsumerClient, ProducerClient, Tally } from "../drivers/client.ts"
import type { Recorder } from "../history/recorder.ts"
import type { ClientControl, WorkloadContext, WorkloadProgress } from "../workload.ts"

/** Whatever works by itself from `start` to `stop`. */
export interface Worker {
  readonly outstanding: number
  start(): void
  stop(): void
  dispose(): Promise<void>
}

const lookEveryMs = 20
/** How long readers go on after the last write, to see what was written last. */
const readOnMs = 1500

export class Crew {
  readonly producers: Array<ProducerClient> = []
  readonly consumers: Array<ConsumerClient> = []
  readonly workers: Array<Worker> = []

  get controls(): ReadonlyArray<ClientControl> {
    return [...this.producers, ...this.consumers].map(({ control }) => control)
  }

  start(): void {
    for (const one of [...this.consumers, ...this.workers]) one.start()
  }

  /**
   * Producers first. False: something was still under way when the time was over, or the run was
   * interrupted.
   */
  async stop(
    { clock, signal }: Pick<WorkloadContext, "clock" | "signal">,
    timeoutMs: number,
  ): Promise<boolean> {
    const deadlineMs = clock.nowMs() + timeoutMs
    const isLate = () => signal.aborted || clock.nowMs() >= deadlineMs
    const writers = [...this.producers, ...this.workers]
    for (const one of writers) one.stop()
    const written = await quiet(writers, isLate)
    const leftMs = signal.aborted ? 0 : deadlineMs - clock.nowMs()
    await Bun.sleep(Math.max(0, Math.min(readOnMs, leftMs - readOnMs)))
    for (const one of this.consumers) one.stop()
    return (await quiet(this.consumers, isLate)) && written
  }

  async dispose(): Promise<void> {
    const all = [...this.producers, ...this.consumers, ...this.workers]
    await Promise.all(all.map((one) => one.dispose()))
  }
}

async function quiet(
  these: ReadonlyArray<{ readonly outstanding: number }>,
  isLate: () => boolean,
): Promise<boolean> {
  while (these.some(({ outstanding }) => outstanding > 0)) {
    if (isLate()) return false
    await Bun.sleep(lookEveryMs)
  }
  return true
}

/** Counts what clients tell. */
export class Counts implements Tally, WorkloadProgress {
  readonly #clock: RunClock
  acknowledged = 0
  read = 0
  lastAcknowledgedMs = 0

  constructor(clock: RunClock) {
    this.#clock = clock
  }

  wrote(records: number): void {
    this.acknowledged += records
    this.lastAcknowledgedMs = this.#clock.nowMs()
  }

  saw(records: number): void {
    this.read += records
  }
}

/**
 * A recorder for when the history takes nothing more: reads go unrecorded then, which proves less
 * and nothing wrong; what writes must not go unrecorded, so to begin it throws.
 */
export function leavingOutReads(recorder: Recorder, onFull: (why: string) => void): Recorder {
  let isFull = false
  return {
    begin(process, call, atMs) {
      try {
        return recorder.begin(process, call, atMs)
      } catch (error) {
        if (!isFull) onFull(error instanceof Error ? error.message : String(error))
        isFull = true
        if (call.f === "append" || call.f === "remove") throw error
        return { end: () => undefined }
      }
    },
  }
}
