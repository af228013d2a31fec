/** How this broker introduces itself on a new link. */
import type { MemberId } from "../../raft/types.ts"
import type { Wal } from "../../storage/wal.ts"
import { memberId } from "../cluster/members.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import { peerVersion } from "../peer/codec.ts"
import type { Witnessed } from "../peer/codec.ts"
import type { Hello, NodeOptions } from "./ports.ts"

/** To a node as far as its present disk is known: also what is remembered of that disk. */
export interface Recipient {
  readonly nodeId: number
  /** Empty: not known. */
  readonly diskUuid: string
  readonly groups: Iterable<RaftGroup>
}

export function helloOf(
  options: NodeOptions,
  wal: Wal,
  appliedMetadataIndex: number,
  to: Recipient,
): Hello {
  const { nodeId, clusterId, diskUuid, incarnation } = options
  const heights = wal.groups().map((group) => {
    const log = wal.log(group)
    const { term, acceptedTerm } = log.hardState
    return { group, term, acceptedTerm, lastIndex: log.lastIndex }
  })
  const version = peerVersion
  const identity = { clusterId, nodeId, diskUuid, incarnation }
  const known = to.diskUuid !== ""
  const witnessed = known ? testimonies(to.groups, memberId(to.nodeId, to.diskUuid)) : []
  const memory = { heights, witnessedDisk: to.diskUuid, witnessed }
  return { _tag: "Hello", version, ...identity, appliedMetadataIndex, ...memory }
}

function testimonies(groups: Iterable<RaftGroup>, member: MemberId): Hello["witnessed"] {
  const seen: Array<Witnessed> = []
  for (const raftGroup of groups) {
    const testimony = raftGroup.testimony(member)
    if (testimony !== undefined) seen.push({ group: raftGroup.group, ...testimony })
  }
  return seen
}
