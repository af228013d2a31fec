/** A broken invariant: thrown out of the event in which it was seen. */
export const violationKinds = [
  "Election Safety",
  "Leader Append-Only",
  "Log Matching",
  "Leader Completeness",
  "State Machine Safety",
  "commit regress",
  "commit truncated",
  "commit without majority",
  "acknowledged before durable",
  "acknowledged what the leader lacks",
  "acknowledged lost",
  "vote before durable",
  "two votes",
  "vote forgotten",
  "untrusted member voted",
  "untrusted member counted",
  "acknowledged beyond commit",
  "applied beyond commit",
  "high watermark beyond commit",
  "high watermark regress",
  "offset translation",
  "producer state",
  "leader epochs",
  "log start",
  "derived state differs",
  "snapshot differs",
  "log differs from what was written",
  "too many messages",
  "too much waits",
] as const

export type ViolationKind = (typeof violationKinds)[number]

export class Violation extends Error {
  override readonly name = "Violation"
  readonly kind: ViolationKind
  readonly detail: string
  readonly atMs: number

  constructor(kind: ViolationKind, detail: string, atMs: number) {
    super(`${kind}: ${detail}`)
    this.kind = kind
    this.detail = detail
    this.atMs = atMs
  }
}

/** Throws. */
export type Report = (kind: ViolationKind, detail: string) => never
