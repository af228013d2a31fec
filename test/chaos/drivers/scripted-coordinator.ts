import { startRunClock } from "../../../src/chaos/clock.ts"
import { classicProtocol } from "../../../src/chaos/drivers/groups/classic-protocol.ts"
import { consumerProtocol } from "../../../src/chaos/drivers/groups/consumer-protocol.ts"
import type { GroupPorts } from "../../../src/chaos/drivers/groups/group-ports.ts"
import { RawMember } from "../../../src/chaos/drivers/groups/raw-member.ts"
import type { MemberShape } from "../../../src/chaos/drivers/groups/raw-member.ts"
import { operationsOf } from "../../../src/chaos/history/history.ts"
import type { Call } from "../../../src/chaos/history/history.ts"
import { valueOf } from "../../../src/chaos/history/values.ts"
import { buildBatch } from "../../../src/protocol/record.ts"
import { noQuirks } from "../../../src/chaos/drivers/raw/quirks.ts"
import { Prng } from "../../../raft/prng.ts"
import { topic, World } from "./raw-fixture.ts"
import type { Asked, Scripted } from "./scripted-brokers.ts"

/** A group of one member on broker 1, which answers as it should unless it is told otherwise. */

interface Input {
  readonly memberId: string
  readonly memberEpoch: number
  readonly generationIdOrMemberEpoch: number
  readonly assignments: ReadonlyArray<{ readonly assignment: Uint8Array }>
  readonly topics: ReadonlyArray<{
    readonly partitions: ReadonlyArray<{
      readonly partition: number
      readonly fetchOffset: number
      readonly partitionIndex: number
      readonly committedOffset: number
      readonly committedMetadata: string
    }>
  }>
}

/** What of it is there, the API says. */
const isInput = (input: unknown): input is Input => typeof input === "object" && input !== null

export class Coordinator {
  readonly world = new World((asked) => this.#answer(asked))
  generation = 0
  /** By partition. */
  readonly committed = new Map<number, { readonly offset: number; readonly tag: string }>()
  /** Records that every partition has. */
  end = 5
  /** "lost", or an error code, in the place of the answer. */
  refuse: (asked: Asked) => "lost" | number = () => 0

  get ports(): GroupPorts {
    return { ...this.world.ports, clock: startRunClock(), log: () => {}, quirks: noQuirks }
  }

  of<F extends Call["f"]>(f: F) {
    return operationsOf(this.world.history.operations, f)
  }

  #answer(asked: Asked): Scripted {
    const refusal = this.refuse(asked)
    if (refusal === "lost") return "lost"
    const { input } = asked
    if (!isInput(input)) throw new Error(`no request: ${asked.api}`)
    switch (asked.api) {
      case "FindCoordinator":
        return { coordinators: [{ key: "g", nodeId: 1, host: "", port: 0, errorCode: refusal }] }
      case "JoinGroup":
        return this.#join(input, refusal)
      case "SyncGroup":
        return { errorCode: refusal, assignment: input.assignments[0]?.assignment }
      case "ConsumerGroupHeartbeat":
        return this.#beat(input, refusal)
      case "OffsetFetch":
        return this.#fetchOffsets(refusal)
      case "OffsetCommit":
        return this.#commit(input, refusal)
      case "Fetch":
        return this.#fetch(input)
      default:
        return { errorCode: refusal, members: [] }
    }
  }

  #join({ memberId }: Input, errorCode: number): object {
    const id = memberId === "" ? "m-1" : memberId
    if (errorCode === 0) this.generation++
    const subscription = Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 1, 116, 255, 255, 255, 255)
    const members = [{ memberId: id, groupInstanceId: null, metadata: subscription }]
    const names = { protocolType: "consumer", protocolName: "range", leader: id }
    const generationId = errorCode === 0 ? this.generation : -1
    return { errorCode, generationId, ...names, memberId: id, members }
  }

  #beat({ memberEpoch }: Input, errorCode: number): object {
    if (memberEpoch === 0 && errorCode === 0) this.generation++
    const topicPartitions = [{ topicId: topic.id, partitions: [0, 1] }]
    const assignment = memberEpoch === 0 ? { topicPartitions } : null
    const told = { memberId: "m", memberEpoch: this.generation, heartbeatIntervalMs: 5 }
    return { errorCode, ...told, assignment }
  }

  #fetchOffsets(errorCode: number): object {
    const partitions = [0, 1].map((partitionIndex) => {
      const known = this.committed.get(partitionIndex)
      const offset = { committedOffset: known?.offset ?? -1, metadata: known?.tag ?? "" }
      return { partitionIndex, ...offset, errorCode: 0 }
    })
    const topics = [{ name: topic.name, topicId: topic.id, partitions }]
    return { groups: [{ groupId: "g", topics, errorCode }] }
  }

  #commit({ topics }: Input, errorCode: number): object {
    const partitions = (topics[0]?.partitions ?? []).map((one) => {
      const { partitionIndex, committedOffset: offset, committedMetadata: tag } = one
      if (errorCode === 0) this.committed.set(partitionIndex, { offset, tag })
      return { partitionIndex, errorCode }
    })
    return { topics: [{ name: topic.name, topicId: topic.id, partitions }] }
  }

  #fetch({ topics }: Input): object {
    const partitions = (topics[0]?.partitions ?? []).map(({ partition, fetchOffset }) => {
      const names = Array.from(
        { length: Math.max(0, this.end - fetchOffset) },
        (_, i) => `v${partition}.${fetchOffset + i}`,
      )
      const records = names.map((name) => ({ value: valueOf(name, 20), timestamp: 1 }))
      const batch = buildBatch({ baseOffset: fetchOffset, partitionLeaderEpoch: 5, records })
      const told = { highWatermark: this.end, logStartOffset: 0, errorCode: 0 }
      return { partitionIndex: partition, ...told, records: names.length === 0 ? null : batch }
    })
    return { responses: [{ topic: topic.name, topicId: topic.id, partitions }] }
  }
}

const shape: MemberShape = {
  group: "raw-g",
  topics: [topic],
  sessionTimeoutMs: 100,
  rebalanceTimeoutMs: 100,
  heartbeatMs: 5,
  commitEveryMs: 5,
  lifeMs: 0,
  crashPercent: 0,
}

export const protocols = { classic: classicProtocol, consumer: consumerProtocol }

export const memberOf = (
  coordinator: Coordinator,
  protocol: keyof typeof protocols,
  more: Partial<MemberShape> = {},
) => {
  const { ports } = coordinator
  return new RawMember("0", { ...shape, ...more }, ports, protocols[protocol], new Prng(7))
}
