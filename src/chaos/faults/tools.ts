/** What faults use to look at a cluster and to ask it for changes; tests bring others. */
import { clientAdmin } from "./admin.ts"
import type { Admin } from "./admin.ts"
import { machineProbes } from "./probes.ts"
import type { Probes } from "./probes.ts"

export type FaultTools = Probes & Admin

export const realTools: FaultTools = { ...machineProbes, ...clientAdmin }
