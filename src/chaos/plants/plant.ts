/**
 * A planted bug: a small text patch of one source file, kept beside the tests so that the sources
 * carry none. What must find it is part of the plant.
 */

/** Which part of the proof is to find it, and what it may cost. */
export type Layer =
  /** The Raft core alone on random worlds: `varve sim --core`. */
  | { readonly _tag: "core"; readonly seeds: number }
  /** Whole brokers: `varve sim`. `soon`: within a dozen seeds, so that the gate looks every time. */
  | { readonly _tag: "simulator"; readonly seeds: number; readonly soon?: true }
  /** A file of tests, run by `bun test`. */
  | { readonly _tag: "test"; readonly file: string }

export interface Edit {
  /** Must occur exactly once in the file. */
  readonly find: string
  readonly replace: string
}

export interface Plant {
  /** Kebab-case; what `--plant` takes. */
  readonly id: string
  /** What the program does wrong, in one line. */
  readonly bug: string
  /** What would be seen, in the words of the checkers. */
  readonly anomaly: string
  /** From the root of the repository. */
  readonly file: string
  readonly edits: ReadonlyArray<Edit>
  readonly caughtBy: Layer
}

type Patch = Pick<Plant, "id" | "file" | "edits">

/** The patched text. Throws when the plant does not fit the source any more. */
export function applyPlant(plant: Patch, source: string): string {
  return plant.edits.reduce((text, edit) => applyEdit(plant, text, edit), source)
}

function applyEdit(plant: Patch, source: string, { find, replace }: Edit): string {
  const parts = source.split(find)
  if (parts.length === 2) return parts.join(replace)
  const found = parts.length === 1 ? "does not occur" : `occurs ${parts.length - 1} times`
  throw new Error(`plant ${plant.id}: ${JSON.stringify(find)} ${found} in ${plant.file}`)
}
