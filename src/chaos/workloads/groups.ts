/**
 * Workload ii (VERIFICATION §3.2): consumer groups of varve's own members and of clients that
 * others wrote, in both protocols, that join, read, commit, crash, leave and stand still; and an
 * observer that asks what they have committed.
 */
import { Client, latest, logOffsets, parseBootstrap, partitionName } from "../../client/index.ts"
import { endsWithin } from "../clock.ts"
import { GroupObserver } from "../drivers/groups/group-observer.ts"
import type { GroupPorts } from "../drivers/groups/group-ports.ts"
import type { Topic } from "../drivers/partition.ts"
import { partitionsOf } from "../drivers/partition.ts"
import { RawProducerClient } from "../drivers/raw/producer-client.ts"
import { quirksOf } from "../drivers/raw/quirks.ts"
import type { ClientControl, Workload, WorkloadContext, WorkloadProgress } from "../workload.ts"
import { Counts, leavingOutReads } from "./crew.ts"
import { drainReplicas } from "./drain.ts"
import { planGroups } from "./groups-plan.ts"
import type { PlannedGroup } from "./groups-plan.ts"
import { Pacer } from "./pacer.ts"
import { persistent, rawPorts } from "./raw-crew.ts"
import { makeTopics } from "./topics.ts"

const drainTimeoutMs = 120_000
const sessionTimeoutMs = 6000
/** Every group reads every record, and commits and observers know each partition. */
const partitionsMax = 24
const rateMax = 200
/** Of the time to stop: for what is on its way, and until when the groups are to have read all. */
const writtenShare = 0.25
const readShare = 0.8
/** Who has not come further for so long is begun anew. */
const stuckMs = 10_000
const lookEveryMs = 300

export const makeGroupsWorkload = (context: WorkloadContext): Workload =>
  new GroupsWorkload(context)

class GroupsWorkload implements Workload {
  readonly name = "groups"
  readonly promises = [
    "what a group is told that it has committed is what was committed last",
    "in a generation every partition has one owner, and whoever is of an earlier one commits nothing",
    "every record below what a group has committed was given to one of its members",
    "after the faults every group reads to the end of its topics",
  ]
  readonly #context: WorkloadContext
  readonly #counts: Counts
  #topics: ReadonlyArray<Topic> = []
  #groups: ReadonlyArray<PlannedGroup> = []
  #producer: RawProducerClient | undefined
  #pacer: Pacer | undefined
  #observer: GroupObserver | undefined
  /** Groups that had not read to the end when the time was over. */
  #behind: ReadonlyArray<string> = []

  constructor(context: WorkloadContext) {
    this.#context = context
    this.#counts = new Counts(context.clock)
  }

  get topics(): ReadonlyArray<string> {
    return this.#topics.map(({ name }) => name)
  }

  get progress(): WorkloadProgress {
    return this.#counts
  }

  get clients(): ReadonlyArray<ClientControl> {
    const members = this.#groups.flatMap((group) => group.members)
    return this.#producer === undefined ? members : [this.#producer.control, ...members]
  }

  async prepare(): Promise<void> {
    const { cluster, clock, rate, runId, seed, signal, drivers } = this.#context
    const partitions = Math.min(partitionsMax, Math.max(2, this.#context.partitions))
    const half = Math.floor(partitions / 2)
    const wanted = [
      { name: `groups-a-${runId}`, partitions: partitions - half },
      { name: `groups-b-${runId}`, partitions: half },
    ]
    this.#topics = await makeTopics(cluster, wanted, signal)
    const ports = this.#ports()
    const refs = this.#topics.flatMap(partitionsOf)
    this.#producer = new RawProducerClient("raw-groups-producer-0", ports, persistent)
    const shares = [{ client: this.#producer, refs, weight: 1, recordsMax: 4 }]
    this.#pacer = new Pacer(clock, Math.min(rate, rateMax), shares, seed)
    const { bootstrap } = cluster
    const topics = this.#topics
    this.#groups = await planGroups({ ports, topics, drivers, bootstrap, sessionTimeoutMs })
    const groups = this.#groups.map(({ group }) => ({ group, refs }))
    this.#observer = new GroupObserver("raw-group-observer", ports, groups)
  }

  start(): void {
    for (const { members } of this.#groups) for (const member of members) member.start()
    this.#observer?.start()
    this.#pacer?.start()
  }

  async stop(timeoutMs: number): Promise<void> {
    const { clock, log, signal } = this.#context
    const beganMs = clock.nowMs()
    this.#pacer?.stop()
    this.#producer?.stop()
    for (const member of this.#members) member.settle()
    const isLate = (share: number) => clock.nowMs() > beganMs + share * timeoutMs || signal.aborted
    while ((this.#producer?.outstanding ?? 0) > 0 && !isLate(writtenShare)) await Bun.sleep(20)
    if ((this.#producer?.outstanding ?? 0) > 0) log("groups: not everything was written in time")
    this.#behind = await this.#untilRead(() => isLate(readShare))
    for (const one of this.#behind) log(`groups: ${one}`)
    const ended = Promise.all([this.#observer?.stop(), ...this.#members.map((one) => one.stop())])
    const leftMs = Math.max(500, beganMs + timeoutMs - clock.nowMs())
    await endsWithin(clock, leftMs, ended)
  }

  async drain(timeoutMs = drainTimeoutMs): Promise<void> {
    const { cluster, clock, recorder, signal } = this.#context
    await this.#observer?.askAll(timeoutMs / 2, signal)
    const topics = this.#topics
    await drainReplicas({ cluster, clock, recorder, topics, signal, timeoutMs })
    if (this.#behind.length > 0) throw new Error(this.#behind.join("; "))
  }

  async dispose(): Promise<void> {
    this.#pacer?.stop()
    this.#observer?.close()
    await Promise.all([this.#producer?.dispose(), ...this.#members.map((one) => one.dispose())])
  }

  get #members() {
    return this.#groups.flatMap(({ members }) => members)
  }

  /** What is left to be read when it is late: a line for each group. */
  async #untilRead(isLate: () => boolean): Promise<ReadonlyArray<string>> {
    const { cluster } = this.#context
    const bootstrap = parseBootstrap(cluster.bootstrap.join(",")) ?? []
    const client = new Client({ bootstrap, clientId: "chaos-groups", requestTimeoutMs: 5000 })
    try {
      const ends = await this.#ends(client, isLate)
      if (ends === undefined) return ["nobody tells the ends of the groups' topics"]
      return await this.#untilCommitted(ends, isLate)
    } finally {
      client.close()
    }
  }

  /** By `PartitionRef.key`. */
  async #ends(
    client: Client,
    isLate: () => boolean,
  ): Promise<ReadonlyMap<string, number> | undefined> {
    const refs = this.#topics.flatMap(partitionsOf)
    const partitions = refs.map(({ topic, partition }) => ({ topic: topic.name, partition }))
    while (!isLate()) {
      const found = await logOffsets(client, partitions, latest).catch(() => undefined)
      if (found !== undefined) {
        return new Map(
          refs.map(({ key, topic, partition }) => [
            key,
            found.get(partitionName({ topic: topic.name, partition })) ?? 0,
          ]),
        )
      }
      await Bun.sleep(lookEveryMs)
    }
    return undefined
  }

  async #untilCommitted(
    ends: ReadonlyMap<string, number>,
    isLate: () => boolean,
  ): Promise<ReadonlyArray<string>> {
    const { clock } = this.#context
    const progress = new Map<string, { left: number; sinceMs: number }>()
    for (;;) {
      const behind = this.#groups.flatMap((group) => {
        const left = this.#left(group, ends)
        if (left === 0) return []
        const before = progress.get(group.group)
        if (before === undefined || left !== before.left) {
          progress.set(group.group, { left, sinceMs: clock.nowMs() })
        } else if (clock.nowMs() - before.sinceMs > stuckMs) {
          before.sinceMs = clock.nowMs()
          for (const member of group.members) member.renew()
        }
        return [`${group.group} has ${left} records left to read`]
      })
      if (behind.length === 0 || isLate()) return behind
      await Bun.sleep(lookEveryMs)
    }
  }

  #left({ group }: PlannedGroup, ends: ReadonlyMap<string, number>): number {
    const committed = this.#observer?.committed.get(group)
    let left = 0
    for (const [key, end] of ends) left += Math.max(0, end - Math.max(0, committed?.get(key) ?? 0))
    return left
  }

  #ports(): GroupPorts {
    const { clock, cluster, recorder, log } = this.#context
    const ports = rawPorts(this.#context, {
      clock,
      recorder: leavingOutReads(recorder, (why) => log(`groups: ${why}`)),
      tally: this.#counts,
      topics: this.#topics,
      connections: { next: 2_000_000 },
    })
    return { ...ports, log, quirks: quirksOf(cluster.product) }
  }
}
