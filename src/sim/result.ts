/** What a seed came to. */
export interface Alarm {
  /** The invariant or the check; "exception" when the code under test threw. Shrinking keeps it. */
  readonly kind: string
  readonly detail: string
  /** Simulated, since the run began. */
  readonly atMs: number
}

/** Of whatever was run: the whole broker, or the core alone. */
export interface SeedOutcome {
  readonly seed: number
  readonly verdict: "clean" | "alarm"
  /** Of all events, in order: equal runs have equal hashes. */
  readonly hash: string
  readonly events: number
  readonly simulatedMs: number
  /** How often each rare event was met. */
  readonly rare: Readonly<Record<string, number>>
  readonly violation?: Alarm
}
