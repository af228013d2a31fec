/**
 * Who this broker is, from its folder and its configuration, which must agree; and what the node
 * makes of both.
 */
import { readIdentity } from "../../storage/index.ts"
import { groupNodeSettings } from "./group-settings.ts"
import { defaultNodeSettings } from "../node/node.ts"
import type { DiskIdentity, NodeSettings, PeerOptions } from "../node/node.ts"
import type { BrokerConfig } from "./config.ts"

/**
 * The uuid of the disk in the broker's folder. Throws a plain line when the folder is not this
 * broker's.
 */
export function checkIdentity(config: BrokerConfig): string {
  const { dir, nodeId, clusterId, diskUuids } = config
  const identity = readIdentity(dir)
  if (identity === undefined) {
    throw new Error(
      `${dir} has no identity.json: it is not the folder of a broker; ` +
        "remove the folder and let varve cluster make a new one, or bring the file back",
    )
  }
  if (identity.nodeId !== nodeId || identity.clusterId !== clusterId) {
    throw new Error(
      `${dir} belongs to broker ${identity.nodeId} of cluster ${identity.clusterId}, ` +
        `not to broker ${nodeId} of cluster ${clusterId}`,
    )
  }
  const known = diskUuids.some((p) => p.nodeId === nodeId && p.diskUuid === identity.diskUuid)
  if (!known) {
    throw new Error(
      `varve.disk.uuids does not name this broker's disk ${nodeId}@${identity.diskUuid}`,
    )
  }
  return identity.diskUuid
}

/** The first disk of every node id: they formed the cluster. */
export function founders(config: BrokerConfig): ReadonlyArray<DiskIdentity> {
  const first = new Map<number, DiskIdentity>()
  for (const pair of config.diskUuids) if (!first.has(pair.nodeId)) first.set(pair.nodeId, pair)
  return [...first.values()]
}

export function peerOptions(config: BrokerConfig): ReadonlyArray<PeerOptions> {
  return config.peers
    .filter((peer) => peer.nodeId !== config.nodeId)
    .map(({ nodeId }) => ({
      nodeId,
      diskUuids: config.diskUuids.filter((p) => p.nodeId === nodeId).map((p) => p.diskUuid),
    }))
}

export function nodeSettings(config: BrokerConfig): NodeSettings {
  const { settings } = config
  return {
    ...defaultNodeSettings,
    numPartitions: settings["num.partitions"],
    defaultReplicationFactor: settings["default.replication.factor"],
    minInsyncReplicas: settings["min.insync.replicas"],
    autoCreateTopicsEnable: settings["auto.create.topics.enable"],
    ...groupNodeSettings(settings),
    messageMaxBytes: settings["message.max.bytes"],
    fetchMaxBytes: settings["fetch.max.bytes"],
    replicaLagTimeMaxMs: settings["replica.lag.time.max.ms"],
    producerIdExpirationMs: settings["producer.id.expiration.ms"],
    timestampType: settings["log.message.timestamp.type"],
    timestampBeforeMaxMs: settings["log.message.timestamp.before.max.ms"],
    timestampAfterMaxMs: settings["log.message.timestamp.after.max.ms"],
    retentionCheckIntervalMs: settings["log.retention.check.interval.ms"],
    cleanerEnable: settings["log.cleaner.enable"],
    cleanerBackoffMs: settings["log.cleaner.backoff.ms"],
    cleanerDedupeBufferBytes: settings["log.cleaner.dedupe.buffer.size"],
    brokerConfigs: config.given,
    metadataSnapshotEntries: settings["varve.metadata.snapshot.entries"],
    acceptDataLoss: settings["varve.accept.data.loss"],
  }
}
