/**
 * Regular expressions by which members subscribe: RE2's syntax and linear time (KIP-848 names RE2;
 * an engine that backtracks would let one client stop the broker).
 */
import { RE2JS, RE2JSSyntaxException } from "re2js"

/** Why it is none, in RE2's words; undefined: it is valid. */
export function patternError(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern)
    return undefined
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return error.getDescription()
    throw error
  }
}

/** The names that each pattern matches as a whole, sorted; none for a pattern that is not valid. */
export function matchNames(
  patterns: Iterable<string>,
  names: Iterable<string>,
): Map<string, string[]> {
  const sorted = [...names].sort()
  return new Map(
    [...patterns].map((pattern) => {
      if (patternError(pattern) !== undefined) return [pattern, []]
      const compiled = RE2JS.compile(pattern)
      return [pattern, sorted.filter((name) => compiled.matches(name))]
    }),
  )
}
