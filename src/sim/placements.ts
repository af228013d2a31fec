/**
 * Whose vote counts in which group, read from the disks of all brokers, whether they run or not: a
 * stopped one acts on what its log holds as soon as it is started.
 */
import { decodeConfiguration } from "../../raft/index.ts"
import type { Configuration, LogIndex } from "../../raft/types.ts"
import type { GroupId, GroupLog } from "../../storage/wal.ts"
import { applyRecords, emptyImage, isDeletedGroup } from "../cluster/image.ts"
import type { MetadataImage, PartitionInfo } from "../cluster/image.ts"
import { groupConfiguration } from "../cluster/members.ts"
import { decodeRecords } from "../cluster/records.ts"
import { decodeSnapshot } from "../cluster/snapshot.ts"
import type { SimBroker } from "./broker.ts"

const metadataGroup = 0

interface Placed {
  /** Of its entry; 0: what the group was created with. */
  readonly index: LogIndex
  readonly configuration: Configuration
}

export interface PlacementsOptions {
  readonly brokers: ReadonlyArray<SimBroker>
  readonly clusterId: string
  /** Of the metadata group. */
  readonly founding: Configuration
}

export class Placements {
  readonly #options: PlacementsOptions
  /** The newest configuration of each group that was seen committed, whoever has forgotten it. */
  readonly #committed = new Map<GroupId, Placed>()
  /** The newest metadata that was seen committed. */
  image: MetadataImage

  constructor(options: PlacementsOptions) {
    this.#options = options
    this.image = emptyImage(options.clusterId)
  }

  /**
   * By group: the committed configuration, then those that may become it. Groups are those of the
   * committed metadata, and those that a log would create if it were committed.
   */
  survey(): ReadonlyMap<GroupId, ReadonlyArray<Configuration>> {
    const planned = this.#readMetadata()
    const found = new Map<GroupId, ReadonlyArray<Configuration>>()
    found.set(metadataGroup, this.#ofGroup(metadataGroup, [this.#options.founding]))
    for (const [group, infos] of planned) {
      if (isDeletedGroup(this.image, group)) this.#committed.delete(group)
      else found.set(group, this.#ofGroup(group, infos.map(groupConfiguration)))
    }
    return found
  }

  /** Every group of which some log's metadata speaks, as it was created there. */
  #readMetadata(): ReadonlyMap<GroupId, ReadonlyArray<PartitionInfo>> {
    const images: Array<MetadataImage> = []
    for (const broker of this.#options.brokers) {
      const committed = this.#committedImage(broker)
      if (committed.index > this.image.index) this.image = committed
      const log = broker.disk.peek(metadataGroup)
      if (log.lastIndex > committed.index) images.push(applied(committed, log, log.lastIndex))
    }
    const planned = new Map<GroupId, Array<PartitionInfo>>()
    for (const { groups } of [this.image, ...images]) {
      for (const [group, info] of groups) {
        const known = planned.get(group)
        if (known === undefined) planned.set(group, [info])
        else if (known.every(({ members }) => members !== info.members)) known.push(info)
      }
    }
    return planned
  }

  #committedImage({ node, disk }: SimBroker): MetadataImage {
    if (node !== undefined) return node.image
    const log = disk.peek(metadataGroup)
    const { state } = log.snapshot() ?? {}
    const base = state === undefined ? emptyImage(this.#options.clusterId) : decodeSnapshot(state)
    return applied(base, log, Math.min(log.hardState.commitIndex, log.lastIndex))
  }

  #ofGroup(group: GroupId, founding: ReadonlyArray<Configuration>): ReadonlyArray<Configuration> {
    const open: Array<Placed> = []
    for (const { node, disk } of this.#options.brokers) {
      const log = disk.peek(group)
      const raft = node?.raftGroup(group)
      const commitIndex = Math.max(log.hardState.commitIndex, raft?.node.commitIndex ?? 0)
      this.#read(group, log, commitIndex, open)
    }
    const committed = this.#committed.get(group)
    const begun = committed === undefined ? founding : [committed.configuration]
    const last = committed?.index ?? 0
    const later = open.filter(({ index }) => index > last)
    return [...begun, ...later.map(({ configuration }) => configuration)]
  }

  /** Down to the one that is committed. */
  #read(group: GroupId, log: GroupLog, commitIndex: LogIndex, open: Array<Placed>): void {
    const { cut } = log
    for (let at = log.lastIndex; at > cut.index;) {
      const entry = log.configurationAt(at)
      if (entry === undefined) break
      const { index } = entry
      const placed = { index, configuration: decodeConfiguration(entry.payload) }
      if (index <= commitIndex) return this.#isCommitted(group, placed)
      open.push(placed)
      at = index - 1
    }
    const { configuration, configurationIndex: index } = cut
    if (configuration !== null && index > 0) this.#isCommitted(group, { index, configuration })
  }

  #isCommitted(group: GroupId, placed: Placed): void {
    const known = this.#committed.get(group)
    if (known === undefined || placed.index > known.index) this.#committed.set(group, placed)
  }
}

/** With the records of the log behind the image, up to `through`. */
function applied(image: MetadataImage, log: GroupLog, through: LogIndex): MetadataImage {
  let after = image
  let at = Math.max(image.index, log.cut.index) + 1
  while (at <= through) {
    const entries = log.entries(at, through + 1, Number.MAX_SAFE_INTEGER)
    if (entries.length === 0) break
    for (const { type, payload, index } of entries) {
      if (type === "data") after = applyRecords(after, decodeRecords(payload), index)
      at = index + 1
    }
  }
  return after
}
