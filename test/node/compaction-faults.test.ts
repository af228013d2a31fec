/**
 * A compacted topic through crashes, power cuts, cut links, moved leaders, damaged entries, old
 * copies and replaced disks, drawn from a seed; replicas compact when they get to it. What was ever
 * written is noted as leaders append it. At every look a replica shows nothing that was not
 * written, in order; at the end every replica knows the last value of each key, none that was
 * deleted, and has nothing left that is superseded.
 */
import { expect, test } from "bun:test"
import { Prng } from "../../raft/index.ts"
import type { Entry } from "../../raft/types.ts"
import type { Partition } from "../../src/partition/partition.ts"
import { isBatch } from "../../src/partition/observer.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { compressionNames } from "../../src/protocol/compression.ts"
import { buildBatch, iterateRecords } from "../../src/protocol/record.ts"
import type { Fault } from "../../src/sim/faults.ts"
import type { Observer, SubjectBroker } from "../../src/sim/subject.ts"
import { createTopic } from "../support/clients.ts"
import { readTable, tableOf, type TableRecord } from "../support/compacted.ts"
import { World } from "../support/world.ts"

const keys = 12
const text = new TextDecoder()

/** What leaders appended, by the entry's identity. */
class Appended implements Observer {
  readonly batches = new Map<string, Uint8Array>()
  /** Of the rounds that any replica has heard of. */
  compactedUpTo = 0

  wrote(_broker: unknown, _commit: number, writes: Parameters<NonNullable<Observer["wrote"]>>[2]) {
    for (const { group, entries } of writes) {
      for (const entry of entries) {
        if (entry.keptCrc === 0) this.batches.set(nameOf(group, entry), entry.payload)
      }
    }
  }

  stepped({ node }: SubjectBroker) {
    const upTo = partitionOf(node)?.compaction.upToIndex ?? 0
    this.compactedUpTo = Math.max(this.compactedUpTo, upTo)
  }
}

const partitionOf = (node: SubjectBroker["node"]): Partition | undefined => {
  const group = node?.image.topics.get("t")?.partitions[0]?.group
  return group === undefined ? undefined : node?.partition(group)
}

const inOrder = (table: ReadonlyMap<string, string>) =>
  [...table].toSorted(([a], [b]) => a.localeCompare(b))

const nameOf = (
  group: number,
  { index, term, entryCrc }: Pick<Entry, "index" | "term" | "entryCrc">,
) => `${group}/${index}/${term}/${entryCrc}`

class Run {
  readonly world: World
  readonly prng: Prng
  readonly appended = new Appended()
  #values = 0

  constructor(seed: number) {
    this.prng = new Prng(seed)
    const settings = {
      cleanerBackoffMs: 300,
      cleanerDedupeBufferBytes: this.prng.below(2) === 0 ? 300 : 1 << 20,
    }
    this.world = new World({ seed, settings })
    this.world.observe(this.appended)
    this.world.startAll().untilReady()
    const policy = this.prng.below(4) === 0 ? "compact,delete" : "compact"
    createTopic(this.world, "t", {
      configs: {
        "cleanup.policy": policy,
        "segment.ms": "700",
        "min.cleanable.dirty.ratio": "0.2",
        "delete.retention.ms": String(200 + this.prng.below(2000)),
      },
    })
    this.world.run(500)
  }

  get replicas(): ReadonlyArray<Partition> {
    return this.world.running().flatMap(({ node }) => partitionOf(node) ?? [])
  }

  /** Nobody waits for the answer. */
  write(): void {
    const { prng, world } = this
    const at = this.replicas.find(({ isLeader }) => isLeader)
    const broker = world.running().find(({ node }) => {
      return at !== undefined && node?.partition(at.info.group) === at
    })
    if (broker === undefined) return
    const records = Array.from({ length: 1 + prng.below(4) }, () => ({
      key: `k${prng.below(keys)}`,
      value: prng.below(4) === 0 ? null : `${this.#values++}`.padEnd(prng.below(60), "."),
      timestamp: world.nowMs,
    }))
    const compression = compressionNames[prng.below(compressionNames.length)] ?? "none"
    const batch = buildBatch({ records, compression })
    world.ask(broker.id, produce, 9, {
      acks: -1,
      timeoutMs: 2000,
      topicData: [{ name: "t", partitionData: [{ index: 0, records: batch }] }],
    })
  }

  fault(): void {
    const { prng, world } = this
    const node = prng.below(3)
    const downMs = 200 + prng.below(prng.below(3) === 0 ? 12_000 : 3000)
    const faults: ReadonlyArray<Fault> = [
      { _tag: "crash", atMs: 0, node, power: false, downMs },
      { _tag: "crash", atMs: 0, node, power: true, downMs },
      { _tag: "isolate", atMs: 0, node, ways: "both", mode: "drop", forMs: downMs },
      { _tag: "transfer", atMs: 0, pick: prng.below(100) },
      { _tag: "pause", atMs: 0, node, forMs: prng.below(2000) },
      { _tag: "damageEntry", atMs: 0, node, pick: prng.below(1000) },
      { _tag: "backup", atMs: 0, node },
      { _tag: "restore", atMs: 0, node, sentinel: prng.below(2) === 0, downMs },
      { _tag: "replaceDisk", atMs: 0, node, downMs },
      { _tag: "diskStall", atMs: 0, node, forMs: prng.below(1500) },
      { _tag: "cutLog", atMs: 0, node, pick: prng.below(1000) },
      { _tag: "loseTail", atMs: 0, node, commits: 1 + prng.below(5), downMs },
    ]
    const fault = faults[prng.below(faults.length)]
    if (fault !== undefined) world.inject(fault)
  }

  /** Every record there ever was in this replica's log, by what leaders appended. */
  truth({ info, raftGroup }: Partition): ReadonlyArray<TableRecord> {
    const { log, appliedIndex } = raftGroup
    const truth: Array<TableRecord> = []
    for (const meta of log.metas(log.firstIndex, appliedIndex + 1, Infinity)) {
      if (!isBatch({ ...meta, payloadBytes: 1 })) continue
      const payload = this.appended.batches.get(nameOf(info.group, meta))
      if (payload === undefined) throw new Error(`nobody appended #${meta.index}`)
      for (const { offset, key, value } of iterateRecords(payload)) {
        const record = { offset, key: text.decode(key ?? undefined) }
        truth.push({ ...record, value: value === null ? null : text.decode(value) })
      }
    }
    return truth
  }

  /**
   * Nothing that was not written; and of who has all that anybody has compacted, the last of each
   * key, unless it was deleted.
   */
  look(replica: Partition): void {
    const truth = this.truth(replica)
    const { appliedIndex, log } = replica.raftGroup
    const isWhole = Math.min(appliedIndex, log.lastIndex) >= this.appended.compactedUpTo
    const byOffset = new Map(truth.map((record) => [record.offset, record]))
    let seen: ReadonlyArray<TableRecord>
    try {
      seen = readTable(replica)
    } catch (error) {
      // A damaged entry, of which nothing is shown.
      if (String(error).includes("error 56")) return
      throw error
    }
    for (const record of seen) {
      const written: TableRecord | undefined = byOffset.get(record.offset)
      expect<TableRecord | undefined>(record).toEqual(written)
    }
    if (!isWhole) return
    expect(inOrder(tableOf(seen))).toEqual(inOrder(tableOf(truth)))
  }

  /** What nothing later supersedes, and tombstones that may still be needed. */
  lookAtEnd(replica: Partition): void {
    this.look(replica)
    expect(replica.compactionDue).toBe(false)
    const { log } = replica.raftGroup
    const { upToIndex } = replica.compaction
    const end = log.metas(upToIndex, upToIndex + 1, 1)[0]?.lastOffset ?? -1
    const compacted = readTable(replica).filter(({ offset }) => offset <= end)
    const latest = new Map(compacted.map((record) => [record.key, record.offset]))
    expect(compacted.map(({ offset }) => offset)).toEqual(
      compacted.map(({ key }) => latest.get(key) ?? -1),
    )
  }
}

for (let seed = 1; seed <= Number(process.env["SEEDS"] ?? 8); seed++) {
  test(`seed ${seed}`, () => {
    const one = new Run(seed)
    const { world, prng } = one
    for (let step = 0; step < 400; step++) {
      for (let n = prng.below(4); n > 0; n--) one.write()
      if (prng.below(12) === 0) one.fault()
      world.run(prng.below(120))
      if (step % 20 === 19) for (const replica of one.replicas) one.look(replica)
    }
    world.heal()
    for (const { id, process } of world.brokers) if (process === undefined) world.start(id)
    world.run(25_000)
    for (let n = 0; n < 3; n++) {
      one.write()
      world.run(2500)
    }
    world.runUntil(
      () => one.replicas.length === 3 && one.replicas.every((replica) => !replica.compactionDue),
      60_000,
      "the last round everywhere",
    )
    for (const replica of one.replicas) one.lookAtEnd(replica)
    const [first] = one.replicas
    for (const replica of one.replicas)
      expect(replica.highWatermark).toBe(first?.highWatermark ?? -1)
    expect(first?.compaction.upToIndex).toBeGreaterThan(20)
  }, 60_000)
}
