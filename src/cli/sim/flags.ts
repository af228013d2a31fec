/** The flags of `varve sim`. */
import type { FlagSpec } from "../flags.ts"

export const simFlags: ReadonlyArray<FlagSpec> = [
  { name: "seeds", kind: "int", value: "N", about: "how many seeds (100)" },
  { name: "seed", kind: "int", value: "S", about: "the first one (1); alone: only this one" },
  { name: "minutes", kind: "int", value: "M", about: "as many seeds as fit into so much time" },
  { name: "core", kind: "switch", about: "the Raft core alone instead of whole brokers" },
  { name: "jobs", kind: "int", value: "N", about: "processes (as many as there are cores)" },
  {
    name: "set",
    kind: "list",
    value: "path=value",
    about: "an option instead of the drawn one, in JSON, or off; may be repeated",
  },
  { name: "plan", kind: "text", value: "FILE", about: "replay options and faults kept in FILE" },
  { name: "plant", kind: "text", value: "ID", about: "with that bug planted; stops when caught" },
  { name: "show", kind: "switch", about: "print the options and the faults of the seed, no run" },
  { name: "keep-going", kind: "switch", about: "go on after an alarm" },
  { name: "no-shrink", kind: "switch", about: "leave a failing case as it is" },
  { name: "out", kind: "text", value: "DIR", about: "where failures are written (./sim-failures)" },
  { name: "counts", kind: "text", value: "FILE", about: "append what was run, a line of JSON" },
  {
    name: "json",
    kind: "switch",
    about: "a line of JSON per seed; the summary as JSON on standard error",
  },
]
