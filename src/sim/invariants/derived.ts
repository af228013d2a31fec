/**
 * What brokers compute from logs, sampled: against a reference computed by other code, against the
 * books of what was written, and between replicas at the same index.
 */
import { crc32c } from "../../../raft/crc32c.ts"
import type { LogIndex } from "../../../raft/types.ts"
import type { GroupId, GroupLog, GroupWrite } from "../../../storage/wal.ts"
import type { MetadataImage } from "../../cluster/image.ts"
import { encodeSnapshot } from "../../cluster/snapshot.ts"
import { splitState } from "../../partition/observer.ts"
import type { Partition } from "../../partition/partition.ts"
import type { SubjectBroker } from "../subject.ts"
import type { Watched } from "./progress-rules.ts"
import { batchText } from "./reference-state.ts"
import type { Report } from "./violation.ts"

/** Digests of derived state kept per group. */
const digestsMax = 256

export class Derived {
  readonly #report: Report
  /** By kind and group, then by index. */
  readonly #digests = new Map<string, Map<LogIndex, number>>()
  /** Looked at: an image never changes, each record makes another. */
  readonly #images = new WeakSet<MetadataImage>()
  /** Groups of which some replica has compacted something. */
  readonly #compacted = new Set<GroupId>()

  constructor(report: Report) {
    this.#report = report
  }

  /** Costly: one group of one broker. `pick` draws a number below its argument. */
  sample(broker: SubjectBroker, watched: Watched, pick: (below: number) => number): void {
    const { node } = broker
    if (node === undefined || watched.committed.isDeleted) return
    this.#books(broker.wal.log(watched.group), watched, pick)
    if (watched.group === 0) {
      const { image } = node
      if (this.#images.has(image)) return
      this.#images.add(image)
      return this.#same("image", 0, image.index, encodeSnapshot(image), watched.copy.member)
    }
    const partition = node.partition(watched.group)
    if (partition !== undefined) this.#partition(partition, watched)
  }

  #books(
    log: GroupLog,
    { copy, committed, commitIndex }: Watched,
    pick: (below: number) => number,
  ): void {
    const who = `${copy.member} of group ${copy.group}`
    if (log.lastIndex !== copy.lastIndex) {
      this.#wrong(`${who} ends at #${log.lastIndex} instead of #${copy.lastIndex}`)
    }
    if (log.lastIndex <= copy.cut.index) return
    const index = copy.cut.index + 1 + pick(log.lastIndex - copy.cut.index)
    if (log.term(index) !== copy.term(index)) {
      this.#wrong(`${who} #${index}: term ${log.term(index)} instead of ${copy.term(index)}`)
    }
    const offset = copy.entry(index)?.lastOffset ?? -1
    if (copy.isWitness || index > commitIndex || offset < log.firstOffset) return
    const found = log.indexOfOffset(offset)
    if (found === committed.indexOfOffset(offset)) return
    this.#report("offset translation", `${who}: offset ${offset} at #${found}`)
  }

  #wrong(what: string): never {
    this.#report("log differs from what was written", what)
  }

  #partition(partition: Partition, { copy, committed, group }: Watched): void {
    const { reference } = committed
    const { appliedIndex, node } = partition.raftGroup
    if (appliedIndex !== reference.index) return
    // Its metadata is not applied yet: it answers nobody, and is about to end.
    if (node.configuration.witnesses.includes(node.id)) return
    const who = `${copy.member} of group ${group} at #${reference.index}`
    if (partition.highWatermark !== reference.endOffset) {
      const what = `${who}: the high watermark is ${partition.highWatermark}`
      this.#report("offset translation", `${what}, not ${reference.endOffset}`)
    }
    const { start } = committed.logStart
    if (start !== undefined && partition.logStartOffset < start) {
      this.#report("log start", `${who}: begins at ${partition.logStartOffset}, not ${start}`)
    }
    const producers = producersText(partition)
    if (producers !== reference.producers()) {
      this.#report("producer state", `${who}:\n${producers}\nnot\n${reference.producers()}`)
    }
    const epochs = partition
      .epochStarts()
      .map(({ epoch, startOffset }) => `${epoch}@${startOffset}`)
      .join(" ")
    if (epochs === reference.epochs() || copy.cut.index > 0) return
    this.#report("leader epochs", `${who}: ${epochs}, not ${reference.epochs()}`)
  }

  /**
   * What an observer has read of compacted entries is less than what it read of them before; all of
   * it has been overtaken by entries behind.
   */
  compacted(group: GroupId): void {
    this.#compacted.add(group)
  }

  /** Snapshots and checkpoints of one index are the same bytes on every replica. */
  wrote(watched: Watched, { group, cut, checkpoint }: GroupWrite): void {
    const { member, isWitness } = watched.copy
    if (isWitness) return
    if (cut !== undefined && cut.state.length > 0) {
      this.#sameStates("snapshot", group, cut.cut.index, cut.state, member)
    }
    if (checkpoint === undefined) return
    this.#sameStates("checkpoint", group, checkpoint.index, checkpoint.state, member)
  }

  #sameStates(kind: string, group: GroupId, index: LogIndex, state: Uint8Array, who: string): void {
    if (group === 0) return this.#same(kind, group, index, state, who)
    const { own, observed } = splitState(state)
    this.#same(kind, group, index, own, who)
    if (observed === undefined || this.#compacted.has(group)) return
    this.#same(`${kind} of what is observed in`, group, index, observed, who)
  }

  #same(kind: string, group: GroupId, index: LogIndex, state: Uint8Array, who: string): void {
    const key = `${kind} ${group}`
    let known = this.#digests.get(key)
    if (known === undefined) this.#digests.set(key, (known = new Map()))
    const digest = crc32c(state)
    const before = known.get(index)
    if (before === undefined) {
      known.set(index, digest)
      if (known.size > digestsMax)
        for (const oldest of known.keys()) return void known.delete(oldest)
    } else if (before !== digest) {
      const violation = kind === "image" ? "derived state differs" : "snapshot differs"
      this.#report(violation, `${who}: ${kind} of group ${group} at #${index}`)
    }
  }
}

const producersText = (partition: Partition): string =>
  partition
    .producers()
    .map(({ producerId, batches }) => {
      const texts = batches.map(({ epoch, firstSequence, firstOffset, index }) =>
        batchText({ epoch, firstSequence, firstOffset, index }),
      )
      return `${producerId}: ${texts.join(" ")}`
    })
    .join("\n")
