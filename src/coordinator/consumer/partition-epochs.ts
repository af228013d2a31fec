/**
 * Which partitions of a group belong to some member, and in which epoch that member is: a partition
 * is free when it is not here. Kept beside the members because every step of a reconciliation asks.
 */
import type { Uuid } from "../../protocol/schema.ts"
import type { ConsumerMember } from "./member.ts"
import type { OwnedPartitions } from "./owned-partitions.ts"

export class PartitionEpochs {
  readonly #epochs = new Map<Uuid, Map<number, number>>()

  isOwned(topicId: Uuid, partition: number): boolean {
    return this.#epochs.get(topicId)?.has(partition) === true
  }

  /**
   * In a compacted log a member may still have what another one got later: the later epoch wins.
   */
  replace(before: ConsumerMember | undefined, now: ConsumerMember | undefined): void {
    if (before !== undefined) {
      this.#remove(before.assigned, before.memberEpoch)
      this.#remove(before.pendingRevocation, before.memberEpoch)
    }
    if (now !== undefined) {
      this.#add(now.assigned, now.memberEpoch)
      this.#add(now.pendingRevocation, now.memberEpoch)
    }
  }

  #add(owned: OwnedPartitions, epoch: number): void {
    for (const [topicId, partitions] of owned) {
      const epochs = this.#epochs.get(topicId) ?? new Map<number, number>()
      for (const partition of partitions.keys()) {
        epochs.set(partition, Math.max(epochs.get(partition) ?? epoch, epoch))
      }
      if (epochs.size > 0) this.#epochs.set(topicId, epochs)
    }
  }

  #remove(owned: OwnedPartitions, epoch: number): void {
    for (const [topicId, partitions] of owned) {
      const epochs = this.#epochs.get(topicId)
      if (epochs === undefined) continue
      for (const partition of partitions.keys()) {
        if (epochs.get(partition) === epoch) epochs.delete(partition)
      }
      if (epochs.size === 0) this.#epochs.delete(topicId)
    }
  }
}
