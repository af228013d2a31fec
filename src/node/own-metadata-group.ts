/** Group 0 of this node, made of its options; and why it must not run, where that is so. */
import { foundingConfiguration } from "../cluster/members.ts"
import type { Outbox } from "../partition/ports.ts"
import { MetadataGroup, metadataGroupId } from "./metadata-group.ts"
import type { NodeOptions, NodePorts } from "./ports.ts"
import type { Replicas } from "./replicas.ts"
import { lossLine, mayRunAlone } from "./sole-voter.ts"

export interface OwnMetadataGroupParts {
  readonly options: NodeOptions
  readonly ports: NodePorts
  readonly replicas: Replicas
  readonly outbox: Outbox
  readonly onRole: () => void
}

export interface OwnMetadataGroup {
  readonly metadata: MetadataGroup
  /** Null: it may run. */
  readonly refusal: string | null
}

export function ownMetadataGroup(parts: OwnMetadataGroupParts): OwnMetadataGroup {
  const { options, ports, replicas, outbox, onRole } = parts
  const { clusterId, founders, peers, settings } = options
  const { wal } = ports
  const bootstrap = foundingConfiguration(founders)
  const { acceptDataLoss, electionTimeoutMs, metadataSnapshotEntries } = settings
  const log: NodePorts["log"] = (level, line) => ports.log(level, line)
  if (peers.length > 0 || acceptDataLoss) replicas.forgetDamagedMembers(metadataGroupId)
  const mayRun = mayRunAlone(
    metadataGroupId,
    { bootstrap, votes: true },
    { wal, acceptDataLoss, log },
  )
  const metadata = new MetadataGroup({
    clusterId,
    raft: replicas.raftConfig(metadataGroupId, bootstrap, electionTimeoutMs, false),
    written: replicas.written(metadataGroupId),
    wal,
    outbox,
    onDirty: replicas.onDirty,
    onRole,
    snapshotEntries: metadataSnapshotEntries,
  })
  return {
    metadata,
    refusal: mayRun ? null : `the metadata of this broker is not whole: ${lossLine}`,
  }
}
