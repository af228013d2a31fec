/** How this broker introduces itself on a new link. */
import type { Wal } from "../../storage/wal.ts"
import { peerVersion } from "../peer/codec.ts"
import type { Hello, NodeOptions } from "./ports.ts"

export function helloOf(options: NodeOptions, wal: Wal, appliedMetadataIndex: number): Hello {
  const { nodeId, clusterId, diskUuid, incarnation } = options
  const heights = wal.groups().map((group) => {
    const log = wal.log(group)
    const { term, acceptedTerm } = log.hardState
    return { group, term, acceptedTerm, lastIndex: log.lastIndex }
  })
  const version = peerVersion
  const identity = { clusterId, nodeId, diskUuid, incarnation }
  const witness = { witnessedDisk: "", witnessed: [] }
  return { _tag: "Hello", version, ...identity, appliedMetadataIndex, heights, ...witness }
}
