/**
 * What the rim gives a broker node and takes from it. Plain data: no sockets, clocks or chance
 * below this line.
 */
import type { Wal } from "../../storage/wal.ts"
import { defaultGroupSettings } from "../coordinator/settings.ts"
import type { GroupSettings } from "../coordinator/settings.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { Compression } from "../protocol/compression.ts"

export type Hello = Extract<PeerFrame, { readonly _tag: "Hello" }>

/** One broker on one disk: what a voter is. */
export interface DiskIdentity {
  readonly nodeId: number
  /** 32 hexadecimal digits, lower case, as everywhere inside varve. */
  readonly diskUuid: string
}

export interface PeerOptions {
  readonly nodeId: number
  /** Disks known for that node id; any other is new: it learns until a group makes it a voter. */
  readonly diskUuids: ReadonlyArray<string>
}

export interface NodeOptions extends DiskIdentity {
  readonly clusterId: string
  /** A new one at every start of the process: 32 hexadecimal digits. */
  readonly incarnation: string
  /**
   * Founding members of group 0, the same on every broker: the five lowest node ids vote, the
   * others learn.
   */
  readonly founders: ReadonlyArray<DiskIdentity>
  /** Every other broker this one may talk to. */
  readonly peers: ReadonlyArray<PeerOptions>
  readonly advertised: {
    readonly host: string
    readonly port: number
    readonly rack: string | null
  }
  readonly settings: NodeSettings
  readonly seed: number
}

/** Filled by the rim from Kafka's names; times in milliseconds. */
export interface NodeSettings {
  readonly numPartitions: number
  readonly defaultReplicationFactor: number
  readonly minInsyncReplicas: number
  readonly autoCreateTopicsEnable: boolean
  /** offsets.topic.*: how `__consumer_offsets` is made. */
  readonly offsetsTopicNumPartitions: number
  readonly offsetsTopicReplicationFactor: number
  readonly offsetsTopicSegmentBytes: number
  /** Of the batches that coordinators write. */
  readonly offsetsTopicCompression: Compression
  /** How long a request waits for what a coordinator appends for it. */
  readonly offsetsCommitTimeoutMs: number
  /** group.* and the other offsets.*: what coordinators go by. */
  readonly groups: GroupSettings
  /** message.max.bytes: the broker default of max.message.bytes. */
  readonly messageMaxBytes: number
  /** fetch.max.bytes: the most one Fetch answer holds, whatever the client asks. */
  readonly fetchMaxBytes: number
  readonly replicaLagTimeMaxMs: number
  readonly producerIdExpirationMs: number
  /** log.message.timestamp.type and its bounds. */
  readonly timestampType: "CreateTime" | "LogAppendTime"
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  /** log.retention.check.interval.ms; above ten seconds it counts as ten. */
  readonly retentionCheckIntervalMs: number
  /** log.cleaner.enable: as leader this node decides on compaction. */
  readonly cleanerEnable: boolean
  /** log.cleaner.backoff.ms: between two looks at what may be compacted. */
  readonly cleanerBackoffMs: number
  /** log.cleaner.dedupe.buffer.size: keys held at a time. */
  readonly cleanerDedupeBufferBytes: number
  /**
   * Further broker settings that were set and stand in for topic configs, by Kafka's broker names.
   */
  readonly brokerConfigs: ReadonlyMap<string, string>
  /** Group 0's log is cut after so many entries: an image takes their place. */
  readonly metadataSnapshotEntries: number
  /** Groups of which this node is the only voter run with what a loss has left of them. */
  readonly acceptDataLoss: boolean
  /** How often the rim calls `tick`. */
  readonly tickMs: number
  /** Group 0: the election timeout is drawn from [this, twice this). */
  readonly electionTimeoutMs: number
  /** Data groups: longer than suspicion plus one metadata decision, which is to come first. */
  readonly dataElectionTimeoutMs: number
  /** Silence after which a broker is suspected. */
  readonly suspectMs: number
  /** A peer to which nothing was sent for so long gets a Heartbeat. */
  readonly heartbeatMs: number
}

export const defaultNodeSettings: NodeSettings = {
  numPartitions: 1,
  defaultReplicationFactor: 1,
  minInsyncReplicas: 1,
  autoCreateTopicsEnable: true,
  offsetsTopicNumPartitions: 50,
  offsetsTopicReplicationFactor: 3,
  offsetsTopicSegmentBytes: 104_857_600,
  offsetsTopicCompression: "none",
  offsetsCommitTimeoutMs: 5_000,
  groups: defaultGroupSettings,
  messageMaxBytes: 1_048_588,
  fetchMaxBytes: 57_671_680,
  replicaLagTimeMaxMs: 30_000,
  producerIdExpirationMs: 86_400_000,
  timestampType: "CreateTime",
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  retentionCheckIntervalMs: 300_000,
  cleanerEnable: true,
  cleanerBackoffMs: 15_000,
  cleanerDedupeBufferBytes: 128 << 20,
  brokerConfigs: new Map(),
  metadataSnapshotEntries: 10_000,
  acceptDataLoss: false,
  tickMs: 25,
  electionTimeoutMs: 300,
  dataElectionTimeoutMs: 1500,
  suspectMs: 600,
  heartbeatMs: 100,
}

export type LogLevel = "info" | "warn" | "error"

/**
 * What goes back to the client: a response body of the request's API, nothing at all (acks=0), or
 * the end of its connection.
 */
export type RequestAnswer =
  | { readonly _tag: "response"; readonly response: object }
  | { readonly _tag: "none" }
  | { readonly _tag: "close"; readonly reason: string }

/** The folder of the log, and the file system that it is on. */
export interface LogDir {
  /** Absolute. */
  readonly path: string
  /** −1: not known. */
  readonly totalBytes: number
  readonly usableBytes: number
}

export interface NodePorts {
  readonly wal: Wal
  logDir(): LogDir
  /**
   * One frame to a connected peer, in order; false and dropped when the link is down or its queue
   * is full.
   */
  sendPeer(nodeId: number, frame: PeerFrame): boolean
  /**
   * Exactly once per token taken by `request` and not cancelled; may come before `request` returns,
   * in any order.
   */
  answer(token: number, answer: RequestAnswer): void
  log(level: LogLevel, line: string): void
  /**
   * Milliseconds since 1970, for timestamps alone: it never runs backwards, but may run faster and
   * slower than `nowMs`.
   */
  wallMs(): number
}

/** A decoded client request. `body` is what decoding `apiKey` at `apiVersion` gives. */
export interface ClientRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly clientId: string | null
  readonly connection: { readonly id: number; readonly host: string }
  readonly body: object
  readonly receivedMs: number
}

export interface NodeStatus {
  readonly nodeId: number
  readonly clusterId: string
  readonly diskUuid: string
  readonly incarnation: string
  readonly ready: boolean
  readonly metadata: {
    /** −1: none known. */
    readonly leader: number
    readonly term: number
    readonly appliedIndex: number
    readonly topics: number
  }
  readonly brokers: ReadonlyArray<{
    readonly id: number
    readonly host: string
    readonly port: number
    readonly fenced: boolean
    readonly suspected: boolean
    readonly connected: boolean
  }>
  readonly partitions: {
    readonly hosted: number
    readonly led: number
    readonly quiesced: number
    /** Groups that are ticked, group 0 among them: what idling costs. */
    readonly awake: number
    /** Partitions of the cluster without a live leader. */
    readonly leaderless: number
    readonly underReplicated: number
  }
  /**
   * Groups whose log here has lost something, at most 100 of them: the leader is filling them up
   * ("recovering"), or their other voters are still to tell their terms ("amnesiac"), or this is
   * the only copy and they do not run ("refused").
   */
  readonly recovering: ReadonlyArray<{
    readonly group: number
    readonly standing: "recovering" | "amnesiac" | "refused"
  }>
  readonly diskSpace: "ample" | "low"
  readonly requestsWaiting: number
}
