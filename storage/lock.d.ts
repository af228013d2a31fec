export interface Lock {
  /** Idempotent. */
  release(): void
}
export declare class LockHeld extends Error {
  /** Undefined when the holder has not written it yet. */
  readonly pid: number | undefined
  constructor(dir: string, pid: number | undefined)
}
/** Throws `LockHeld` when another process (or this one) has the folder. */
export declare function acquireLock(dir: string): Lock
