/**
 * Every planted bug. Each must be found by the layer that it names; see DESIGN.md for the table.
 */
import { brokerPlants } from "./broker.ts"
import { compactionPlants } from "./compaction.ts"
import { groupPlants } from "./groups.ts"
import type { Plant } from "./plant.ts"
import { recoveryPlants, replicationPlants, votingPlants } from "./raft.ts"
import { retentionPlants } from "./retention.ts"
import { storagePlants } from "./storage.ts"

export const plants: ReadonlyArray<Plant> = [
  ...votingPlants,
  ...replicationPlants,
  ...recoveryPlants,
  ...brokerPlants,
  ...groupPlants,
  ...storagePlants,
  ...compactionPlants,
  ...retentionPlants,
]

export const plantOf = (id: string): Plant | undefined => plants.find((plant) => plant.id === id)
