/**
 * The group coordinators of this broker: one per replica of a partition of `__consumer_offsets`,
 * and which of them may speak for a group.
 *
 * COORDINATOR_LOAD_IN_PROGRESS while this broker leads and has not yet applied what was committed
 * before; NOT_COORDINATOR when it does not lead. Never an answer from a state that may be an old
 * one: what only reads is asked after a ReadIndex round (requests/confirmed-coordinators.ts).
 */
import type { PartitionInfo } from "../../cluster/image.ts"
import type { MetadataRecord } from "../../cluster/records.ts"
import { consumerOffsetsTopic } from "../../cluster/topic-names.ts"
import type { GroupCoordinator } from "../../coordinator/group-coordinator.ts"
import type { PartitionObserver } from "../../partition/observer.ts"
import type { Partition } from "../../partition/partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { GroupId } from "../../../storage/wal.ts"
import type { AppliedRecords } from "../metadata-group.ts"
import type { NodeOptions, NodeSettings } from "../ports.ts"
import type { NodeView } from "../requests/outcome.ts"
import { groupPartition } from "./group-partition.ts"
import { HostedCoordinator } from "./hosted-coordinator.ts"
import type { HostedParts } from "./hosted-coordinator.ts"
import { topicsView } from "./topics-view.ts"
import { uniqueIds } from "./unique-ids.ts"

/** What a coordinator would see another answer of `TopicsView` after. */
const ofTopics: ReadonlySet<MetadataRecord["_tag"]> = new Set([
  "TopicCreated",
  "TopicDeleted",
  "PartitionsCreated",
  "MembershipChanged",
  "BrokerRegistered",
])

type Options = Pick<NodeOptions, "seed" | "incarnation" | "settings">
type Node = Pick<NodeView, "image" | "brokerSettings" | "partition" | "log" | "wallMs">

/** A coordinator that leads its partition. */
export interface Leading {
  readonly _tag: "leading"
  readonly coordinator: GroupCoordinator
  readonly partition: Partition
}

export type CoordinatorLookup =
  | Leading
  | { readonly _tag: "refused"; readonly errorCode: ErrorCode }

const notCoordinator: CoordinatorLookup = {
  _tag: "refused",
  errorCode: ErrorCode.NOT_COORDINATOR,
}
const loading: CoordinatorLookup = {
  _tag: "refused",
  errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
}

export class Coordination {
  readonly #settings: NodeSettings
  readonly #node: Node
  readonly #nowMs: () => number
  readonly #host: HostedParts["host"]
  readonly #hosted = new Map<GroupId, HostedCoordinator>()
  readonly #elected = new Set<HostedCoordinator>()
  #deferred: Array<() => void> = []

  constructor({ seed, incarnation, settings }: Options, node: Node, nowMs: () => number) {
    this.#settings = settings
    this.#node = node
    this.#nowMs = nowMs
    this.#host = {
      topics: topicsView(() => node.image),
      settings: settings.groups,
      groupConfig: (groupId) => node.brokerSettings.groupConfigs(groupId),
      nextUuid: uniqueIds(seed, incarnation),
      log: (level, line) => node.log(level, line),
      wallMs: () => node.wallMs(),
    }
  }

  /** For a replica that is about to be made; undefined for partitions that coordinate nothing. */
  observer(info: PartitionInfo): PartitionObserver | undefined {
    if (info.topic !== consumerOffsetsTopic) return undefined
    const hosted = new HostedCoordinator({
      host: this.#host,
      compression: this.#settings.offsetsTopicCompression,
      partition: () => this.#node.partition(info.group),
      nowMs: this.#nowMs,
      defer: (action) => this.#deferred.push(action),
      changed: (which) => {
        if (which.isElected) this.#elected.add(which)
        else this.#elected.delete(which)
      },
    })
    this.#hosted.set(info.group, hosted)
    return hosted
  }

  /** Of `__consumer_offsets`, or as many as it will be made with. */
  get partitionCount(): number {
    const topic = this.#node.image.topics.get(consumerOffsetsTopic)
    return topic?.partitions.length ?? this.#settings.offsetsTopicNumPartitions
  }

  /** Who coordinates the group, if it is this broker. */
  find(groupId: string): CoordinatorLookup {
    const topic = this.#node.image.topics.get(consumerOffsetsTopic)
    const info = topic?.partitions[groupPartition(groupId, topic.partitions.length)]
    return info === undefined ? notCoordinator : this.#lookUp(info.group)
  }

  #lookUp(group: GroupId): CoordinatorLookup {
    const hosted = this.#hosted.get(group)
    const partition = this.#node.partition(group)
    if (hosted === undefined || partition?.isLeader !== true) return notCoordinator
    if (!hosted.isElected) return loading
    return { _tag: "leading", coordinator: hosted.coordinator, partition }
  }

  /** Of every partition that this broker leads. */
  all(): ReadonlyArray<CoordinatorLookup> {
    const topic = this.#node.image.topics.get(consumerOffsetsTopic)
    const all = topic?.partitions.map(({ group }) => this.#lookUp(group)) ?? []
    return all.filter((found) => found !== notCoordinator)
  }

  tick(nowMs: number): void {
    for (const { coordinator } of this.#elected) coordinator.tick(nowMs)
  }

  /** The image moved: topics may have come, grown, gone, or moved to other racks. */
  applied(entries: ReadonlyArray<AppliedRecords>, nowMs: number): void {
    if (!entries.some(({ records }) => records.some(({ _tag }) => ofTopics.has(_tag)))) return
    for (const group of this.#hosted.keys()) {
      if (this.#node.partition(group) === undefined) this.#hosted.delete(group)
    }
    for (const { coordinator } of this.#elected) coordinator.topicsChanged(nowMs)
  }

  /** Something waits for `run`. */
  get dirty(): boolean {
    return this.#deferred.length > 0
  }

  /** Once per turn, outside of the groups' own work. */
  run(): void {
    const deferred = this.#deferred
    if (deferred.length === 0) return
    this.#deferred = []
    for (const action of deferred) action()
  }
}
