/** Everything that hurts a broker's storage or clock. */
import type { Fault } from "../fault.ts"
import { clockFault } from "./clock-fault.ts"
import { damageFaults } from "./damage-faults.ts"
import { fsyncFault } from "./fsync-fault.ts"
import { powerFault } from "./power-fault.ts"
import { storageFaults } from "./storage-faults.ts"
import { wipedThenCut } from "./wiped-then-cut.ts"

export const diskFaults: ReadonlyArray<Fault> = [
  powerFault,
  fsyncFault,
  ...storageFaults,
  ...damageFaults,
  wipedThenCut,
  clockFault,
]
