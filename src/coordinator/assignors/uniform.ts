/**
 * The `uniform` assignor, Kafka's default: partitions spread evenly over the members, moving as few
 * as possible from where they are.
 */
import type { Assignor } from "./assignor.ts"
import { assignHeterogeneous } from "./uniform-heterogeneous.ts"
import { assignHomogeneous } from "./uniform-homogeneous.ts"

export const assignUniform: Assignor = (spec) => {
  if (spec.members.size === 0) return new Map()
  return spec.isHomogeneous ? assignHomogeneous(spec) : assignHeterogeneous(spec)
}
