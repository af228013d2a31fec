/**
 * A cluster as a client sees it: where to ask, who leads what. Connections are made when needed and
 * kept.
 */
import { ErrorCode, errorName } from "../protocol/error-codes.ts"
import { metadata } from "../protocol/messages/metadata.ts"
import type { Api, RequestInput, ResponseOf } from "../protocol/schema.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"
import { ClientConnection } from "./connection.ts"
import type { TopicPartition } from "./topic-partition.ts"

export interface ClientOptions {
  readonly bootstrap: ReadonlyArray<{ readonly host: string; readonly port: number }>
  readonly clientId?: string
  /** For each connection and each answer. */
  readonly requestTimeoutMs?: number
}

export type ClusterMetadata = ResponseOf<typeof metadata>

export interface PartitionLeader {
  readonly nodeId: number
  readonly topicId: string
  readonly leaderEpoch: number
}

export class Client {
  private readonly options: ClientOptions
  private readonly byNode = new Map<string, Promise<ClientConnection>>()
  private readonly byAddress = new Map<string, Promise<ClientConnection>>()
  private addresses = new Map<number, { readonly host: string; readonly port: number }>()
  private readonly leaders = new Map<string, PartitionLeader>()
  private readonly forks = new Set<Client>()
  private onClose = () => {}

  constructor(options: ClientOptions) {
    this.options = options
  }

  /**
   * A client of the same cluster with connections of its own, for whoever holds them up: a long
   * poll, or a JoinGroup that waits for others. Closed with this one at the latest.
   */
  fork(): Client {
    const fork = new Client(this.options)
    fork.onClose = () => this.forks.delete(fork)
    this.forks.add(fork)
    return fork
  }

  /**
   * A connection to any broker that answers; the bootstrap list in turn. Rejects with the last
   * failure.
   */
  async any(): Promise<ClientConnection> {
    let failure: unknown = new ConnectionLost("no bootstrap server is given")
    for (const { host, port } of [...this.options.bootstrap, ...this.addresses.values()]) {
      try {
        return await this.connect(this.byAddress, `${host}:${port}`, host, port)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** Asks whoever answers; an admin request may go to any broker. */
  async ask<A extends Api>(
    api: A,
    input: RequestInput<A>,
    timeoutMs?: number,
  ): Promise<ResponseOf<A>> {
    const connection = await this.any()
    return connection.request(api, input, timeoutMs === undefined ? {} : { timeoutMs })
  }

  /**
   * A connection to that broker; asks for metadata when it is not known. Answers come in order on a
   * connection: what must not wait behind long polls has one of its own, by its `purpose`.
   */
  async broker(nodeId: number, purpose = ""): Promise<ClientConnection> {
    if (!this.addresses.has(nodeId)) await this.metadata([])
    const address = this.addresses.get(nodeId)
    if (address === undefined) throw new ConnectionLost(`broker ${nodeId} is not in the metadata`)
    return this.connect(this.byNode, `${nodeId}${purpose}`, address.host, address.port)
  }

  /** `topics` null: all of them. Keeps what it learns about addresses and leaders. */
  async metadata(
    topics: ReadonlyArray<string> | null,
    allowAutoTopicCreation = false,
  ): Promise<ClusterMetadata> {
    const connection = await this.any()
    const answer = await connection.request(metadata, {
      topics: topics === null ? null : topics.map((name) => ({ name })),
      allowAutoTopicCreation,
    })
    this.addresses = new Map(answer.brokers.map((b) => [b.nodeId, { host: b.host, port: b.port }]))
    for (const topic of answer.topics) {
      if (topic.name === null) continue
      for (const partition of topic.partitions) {
        this.leaders.set(`${topic.name}-${partition.partitionIndex}`, {
          nodeId: partition.leaderId,
          topicId: topic.topicId,
          leaderEpoch: partition.leaderEpoch,
        })
      }
    }
    return answer
  }

  /**
   * Who leads the partition, as last heard; rejects with `KafkaError` when nobody does or it is not
   * there.
   */
  async leader(topic: string, partition: number): Promise<PartitionLeader> {
    const key = `${topic}-${partition}`
    const known = this.leaders.get(key)
    if (known !== undefined && known.nodeId >= 0) return known
    const answer = await this.metadata([topic], true)
    const code = answer.topics[0]?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if (code !== ErrorCode.NONE) throw new KafkaError(code, `${topic}: ${errorName(code)}`)
    const found = this.leaders.get(key)
    if (found === undefined) {
      const missing = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      throw new KafkaError(missing, `${topic} has no partition ${partition}`)
    }
    if (found.nodeId >= 0) return found
    throw new KafkaError(ErrorCode.LEADER_NOT_AVAILABLE, `${key} has no leader now`)
  }

  /** Who leads the partition as last heard, node −1 for nobody; undefined: never heard of. */
  knownLeader({ topic, partition }: TopicPartition): PartitionLeader | undefined {
    return this.leaders.get(`${topic}-${partition}`)
  }

  /** What was believed about the partition has proved wrong. */
  forgetLeader(topic: string, partition: number): void {
    this.leaders.delete(`${topic}-${partition}`)
  }

  close(): void {
    this.onClose()
    for (const fork of this.forks) fork.close()
    for (const connection of [...this.byNode.values(), ...this.byAddress.values()]) {
      connection.then((c) => c.close()).catch(() => undefined)
    }
    this.byNode.clear()
    this.byAddress.clear()
  }

  private async connect<K>(
    pool: Map<K, Promise<ClientConnection>>,
    key: K,
    host: string,
    port: number,
  ): Promise<ClientConnection> {
    const known = pool.get(key)
    if (known !== undefined) {
      const connection = await known.catch(() => undefined)
      if (connection !== undefined && !connection.closed) return connection
      if (pool.get(key) === known) pool.delete(key)
      else return this.connect(pool, key, host, port)
    }
    const { clientId, requestTimeoutMs } = this.options
    const connecting = ClientConnection.connect({
      host,
      port,
      ...(clientId === undefined ? {} : { clientId }),
      ...(requestTimeoutMs === undefined ? {} : { timeoutMs: requestTimeoutMs }),
    })
    pool.set(key, connecting)
    try {
      return await connecting
    } catch (error) {
      if (pool.get(key) === connecting) pool.delete(key)
      throw error
    }
  }
}

/** `host:port,host:port`; undefined when an item is not of that form. */
export function parseBootstrap(
  value: string,
): ReadonlyArray<{ readonly host: string; readonly port: number }> | undefined {
  const servers: Array<{ host: string; port: number }> = []
  for (const item of value.split(",")) {
    const match = /^(\[[0-9A-Fa-f:]+\]|[^[\]:/\s]+):(\d{1,5})$/.exec(item.trim())
    if (!match?.[1] || Number(match[2]) > 65_535) return undefined
    servers.push({ host: match[1].replace(/^\[|\]$/g, ""), port: Number(match[2]) })
  }
  return servers
}
