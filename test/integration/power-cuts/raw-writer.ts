/**
 * A writer that speaks the protocol and nothing else: one record a request, one request under way
 * in each partition, and none is ever sent again. So each must be there at most once, and once if
 * it was acknowledged.
 */
import type { Ack } from "../../../scripts/harness/driver.ts"
import { parseAddress, RawConnection } from "../../../scripts/harness/raw.ts"
import { buildBatch, type ResponseOf } from "../../../src/protocol/index.ts"
import { metadata } from "../../../src/protocol/messages/metadata.ts"
import { produce } from "../../../src/protocol/messages/produce.ts"

const metadataVersion = 9
const produceVersion = 9
const timeoutMs = 5_000
const backOffMs = 30

export interface RawWriterOptions {
  readonly bootstrapList: ReadonlyArray<string>
  readonly topic: string
  readonly partitions: number
  /** Records per second over all partitions. */
  readonly rate: number
  readonly name: string
}

export class RawWriter {
  readonly acks: Array<Ack> = []
  readonly errors: Array<string> = []
  private readonly options: RawWriterOptions
  private readonly connections = new Map<string, RawConnection>()
  private seq = 0
  private stopped = false

  constructor(options: RawWriterOptions) {
    this.options = options
    const { partitions } = options
    for (let partition = 0; partition < partitions; partition++) void this.write(partition)
  }

  /** Nobody waits for what is under way. */
  kill(): void {
    this.stopped = true
    for (const connection of this.connections.values()) connection.close()
  }

  private async write(partition: number): Promise<void> {
    const { partitions, rate } = this.options
    const gapMs = (1_000 * partitions) / rate
    let leader: string | undefined
    while (!this.stopped) {
      const startedMs = performance.now()
      try {
        leader ??= await this.leaderOf(partition)
        await this.send(leader, partition)
      } catch (error) {
        this.errors.push(error instanceof Error ? error.message : String(error))
        leader = undefined
        await Bun.sleep(backOffMs)
      }
      await Bun.sleep(Math.max(0, gapMs - (performance.now() - startedMs)))
    }
  }

  private async send(leader: string, partition: number): Promise<void> {
    const { topic, name } = this.options
    const connection = await this.connection(leader)
    const seq = this.seq++
    const records = buildBatch({ records: [{ value: `${name}:${seq}`, timestamp: Date.now() }] })
    const answer = await within(
      connection.request(produce, produceVersion, {
        acks: -1,
        timeoutMs,
        topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
      }),
    )
    const said = answer.responses[0]?.partitionResponses[0]
    if (said?.errorCode !== 0) throw new Error(`produce: error ${said?.errorCode}`)
    const { baseOffset: offset } = said
    this.acks.push({ producer: name, partition, seq, offset, atMs: Date.now() })
  }

  private async leaderOf(partition: number): Promise<string> {
    const answer = await this.metadata()
    const found = answer.topics[0]?.partitions.find((p) => p.partitionIndex === partition)
    const leader = answer.brokers.find((broker) => broker.nodeId === found?.leaderId)
    if (leader === undefined) throw new Error(`partition ${partition} has no leader`)
    return `${leader.host}:${leader.port}`
  }

  private async metadata(): Promise<ResponseOf<typeof metadata>> {
    const { bootstrapList, topic } = this.options
    const address = bootstrapList[Math.floor(Math.random() * bootstrapList.length)] ?? ""
    const connection = await this.connection(address)
    return within(
      connection.request(metadata, metadataVersion, {
        topics: [{ name: topic }],
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      }),
    )
  }

  private async connection(address: string): Promise<RawConnection> {
    const known = this.connections.get(address)
    if (known?.isOpen === true) return known
    const fresh = await RawConnection.open(parseAddress(address))
    this.connections.set(address, fresh)
    return fresh
  }
}

/** A broker that was killed in the middle of a word may never close its connection. */
function within<A>(answer: Promise<A>): Promise<A> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error("no answer in time")), 2 * timeoutMs)
  return Promise.race([answer, promise]).finally(() => clearTimeout(timer))
}
