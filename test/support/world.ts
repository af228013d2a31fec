/**
 * A small cluster for tests: the simulated world of src/sim with calm weather and short words for
 * what tests do to it. The same seed gives the same run.
 */
import { SimWorld } from "../../src/sim/world.ts"
import type { NodeSettings } from "../../src/node/node.ts"

export type { Asked } from "../../src/sim/world.ts"

export interface WorldOptions {
  readonly nodes?: number
  readonly seed?: number
  readonly settings?: Partial<NodeSettings>
  /** One way, drawn from [min, max]. */
  readonly latencyMs?: readonly [number, number]
  readonly fsyncMs?: readonly [number, number]
  readonly clientId?: string
}

export class World extends SimWorld {
  readonly prng = this.stream("test")

  constructor(options: WorldOptions = {}) {
    const { nodes = 3, seed = 1, settings = {}, latencyMs, fsyncMs, clientId } = options
    super({
      seed,
      brokers: nodes,
      settings,
      network: { latencyMs: latencyMs ?? [1, 3] },
      disk: { fsyncMs: fsyncMs ?? [1, 4] },
      ...(clientId === undefined ? {} : { clientId }),
    })
  }

  /** Sent between brokers since the world began. */
  get frames(): number {
    return this.network.frames
  }

  start(id: number): void {
    this.broker(id).start()
  }

  /** SIGKILL: what was not fsynced is gone but for the first `keep` commits. */
  crash(id: number, keep = 0): void {
    this.broker(id).crash(false, keep)
  }

  /** The folder is removed and made anew: another disk under the same node id. */
  wipe(id: number): void {
    const broker = this.broker(id)
    if (broker.process !== undefined) throw new Error(`broker ${id} runs`)
    broker.replaceDisk()
  }

  /** SIGSTOP: time passes, the process does not. */
  pause(id: number): void {
    this.broker(id).process?.pause()
  }

  resume(id: number): void {
    this.broker(id).process?.resume()
  }

  /** Frames from one to the other vanish until healed. */
  cut(from: number, to: number): void {
    this.network.cut(from, to, "drop")
  }

  isolate(id: number): void {
    for (const other of this.brokers) {
      this.cut(id, other.id)
      this.cut(other.id, id)
    }
  }

  heal(): void {
    this.network.healAll()
  }

  resetLink(from: number, to: number): void {
    this.network.reset(from, to)
  }
}
