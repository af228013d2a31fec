/**
 * A broken invariant is a bug or a lost disk, never an input error: it must reach the host's top
 * and stop it.
 */
export class InvariantViolation extends Error {
  constructor(message: string) {
    super(`raft invariant broken: ${message}`)
    this.name = "InvariantViolation"
  }
}

/** `message` is a constant, so that a check that holds costs no string. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message)
}
