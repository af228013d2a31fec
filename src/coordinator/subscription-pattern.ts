/**
 * Regular expressions by which members subscribe: RE2's syntax and linear time (KIP-848 names RE2;
 * an engine that backtracks would let one client stop the broker). Linear still means the size of
 * the compiled pattern times the length of all names, so there are bounds to the one, and the other
 * is gone through in pieces.
 */
import { RE2JS, RE2JSSyntaxException } from "re2js"

/** A list of hundreds of topics still fits. Kafka has no bounds of its own. */
const lengthMax = 10_000
const instructionsMax = 20_000

/** Why it is none, in RE2's words; undefined: it is valid. */
export function patternError(pattern: string): string | undefined {
  const compiled = compile(pattern)
  return typeof compiled === "string" ? compiled : undefined
}

function compile(pattern: string): RE2JS | string {
  if (pattern.length > lengthMax) return "expression too long"
  try {
    const compiled = RE2JS.compile(pattern)
    return compiled.programSize() > instructionsMax ? "expression too large" : compiled
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return error.getDescription()
    // Whatever else an engine stumbles over, a client said it, and no broker stops for that.
    return "expression not understood"
  }
}

interface Compiled {
  readonly pattern: string
  /** Undefined: the pattern is not valid, and matches nothing. */
  readonly regex: RE2JS | undefined
  readonly matched: string[]
}

/** Matches names against patterns, as wholes, in steps of bounded work. */
export class NameMatching {
  readonly #patterns: ReadonlyArray<Compiled>
  readonly #names: ReadonlyArray<string>
  #next = 0

  constructor(patterns: Iterable<string>, names: Iterable<string>) {
    this.#patterns = [...patterns].map((pattern) => {
      const compiled = compile(pattern)
      const regex = typeof compiled === "string" ? undefined : compiled
      return { pattern, regex, matched: [] }
    })
    this.#names = [...names].sort()
  }

  get isDone(): boolean {
    return this.#next >= this.#names.length
  }

  /** `work`: instructions times characters, the most that matching can take; one name at least. */
  proceed(work: number): void {
    for (let left = work; left > 0 && !this.isDone;) {
      const name = this.#names[this.#next++] ?? ""
      for (const { regex, matched } of this.#patterns) {
        if (regex === undefined) continue
        left -= regex.programSize() * name.length
        if (regex.matches(name)) matched.push(name)
      }
      left--
    }
  }

  /** The names that each pattern matches, sorted. */
  get result(): ReadonlyMap<string, ReadonlyArray<string>> {
    if (!this.isDone) throw new Error("names are still being matched")
    return new Map(this.#patterns.map(({ pattern, matched }) => [pattern, matched]))
  }
}
