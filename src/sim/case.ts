/** What can be replayed: the options of a seed and its fault plan, both plain JSON. */
import type { Fault } from "./faults.ts"
import type { SimOptions } from "./options.ts"

export interface SimCase {
  readonly options: SimOptions
  /** Ascending by `atMs`. */
  readonly plan: ReadonlyArray<Fault>
}
