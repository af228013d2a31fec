/** The node in plain data, for HTTP /health and `varve inspect`. */
import type { Wal } from "../../storage/wal.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import type { Liveness } from "./liveness.ts"
import type { NodeOptions, NodeStatus } from "./ports.ts"
import type { Replicas } from "./replicas.ts"
import type { NodeView } from "./requests/outcome.ts"

export interface StatusParts {
  readonly options: NodeOptions
  readonly liveness: Liveness
  readonly replicas: Replicas
  readonly metadataLeader: number
  readonly metadataTerm: number
  readonly requestsWaiting: number
  /** Every group that runs here. */
  readonly groups: Iterable<RaftGroup>
  readonly space: Wal["space"]
}

export function nodeStatus(
  node: NodeView & { readonly ready: boolean },
  parts: StatusParts,
): NodeStatus {
  const { image, nodeId, clusterId } = node
  const { options, liveness } = parts
  const brokers = [...image.brokers.values()]
    .sort((a, b) => a.id - b.id)
    .map(({ id, host, port, fenced }) => ({
      id,
      host,
      port,
      fenced,
      suspected: liveness.peer(id)?.suspected ?? false,
      connected: id === nodeId || (liveness.peer(id)?.connected ?? false),
    }))
  return {
    nodeId,
    clusterId,
    diskUuid: options.diskUuid,
    incarnation: options.incarnation,
    ready: node.ready,
    metadata: {
      leader: parts.metadataLeader,
      term: parts.metadataTerm,
      appliedIndex: image.index,
      topics: image.topics.size,
    },
    brokers,
    partitions: partitionCounts(node, parts.replicas),
    recovering: recoveringGroups(parts),
    diskSpace: parts.space,
    requestsWaiting: parts.requestsWaiting,
  }
}

function partitionCounts(node: NodeView, replicas: Replicas): NodeStatus["partitions"] {
  let led = 0
  let quiesced = 0
  for (const partition of replicas.all()) {
    if (partition.isLeader) led++
    if (partition.raftGroup.node.quiesced) quiesced++
  }
  let leaderless = 0
  let underReplicated = 0
  for (const info of node.image.groups.values()) {
    if (node.leaderOf(info.group).leader === -1) leaderless++
    const { isr } = node.leaders.state(info.group)
    if (!info.replicas.every((id) => isr.includes(id) && node.alive(id))) underReplicated++
  }
  const { size: hosted, awake } = replicas
  return { hosted, led, quiesced, awake, leaderless, underReplicated }
}

/** What is listed; how many there are is no secret of the log lines. */
const listedMax = 100

/** Group 0 first, then those that run, then those that do not. */
function recoveringGroups({ groups, replicas }: StatusParts): NodeStatus["recovering"] {
  const found: Array<NodeStatus["recovering"][number]> = []
  for (const { group, node } of groups) {
    if (found.length === listedMax) return found
    if (node.standing !== "trusted") found.push({ group, standing: node.standing })
  }
  for (const group of replicas.refused) {
    if (found.length === listedMax) return found
    found.push({ group, standing: "refused" })
  }
  return found
}

/**
 * Every live broker has applied this one's registration and is reached by it: whoever asks any of
 * them now hears of this one too.
 */
export function isIntroduced(node: NodeView, liveness: Liveness): boolean {
  const own = node.image.brokers.get(node.nodeId)?.epoch ?? Number.POSITIVE_INFINITY
  for (const { id, fenced } of node.image.brokers.values()) {
    const peer = liveness.peer(id)
    if (fenced || peer === undefined || peer.suspected) continue
    if (!peer.connected || peer.appliedMetadataIndex < own) return false
  }
  return true
}

/** Every group that was given to this node has a leader, here or still elsewhere. */
export function assignedGroupsAreLed(node: NodeView): boolean {
  for (const { group, assignedLeader } of node.image.groups.values()) {
    if (assignedLeader === node.nodeId && node.leaderOf(group).leader === -1) return false
  }
  return true
}
