/**
 * Asks single brokers, past the proxy, how they see the cluster. One question at a time and broker;
 * a broker that is down, cut off or stands still gives `undefined`.
 */
import { ClientConnection } from "../client/connection.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import { metadata } from "../protocol/messages/metadata.ts"
import type { ChaosNode } from "./cluster.ts"

export interface PartitionSeen {
  /** "topic/0" */
  readonly partition: string
  /** −1: nobody. */
  readonly leader: number
  readonly epoch: number
  readonly replicas: ReadonlyArray<number>
  readonly inSync: ReadonlyArray<number>
}

export interface ClusterSeen {
  /** Ids of those that are thought to be alive. */
  readonly brokers: ReadonlyArray<number>
  readonly partitions: ReadonlyArray<PartitionSeen>
}

export class MetadataProbe {
  readonly #nodes: ReadonlyArray<ChaosNode>
  readonly #timeoutMs: number
  readonly #connections = new Map<number, ClientConnection>()

  constructor(nodes: ReadonlyArray<ChaosNode>, timeoutMs = 1_000) {
    this.#nodes = nodes
    this.#timeoutMs = timeoutMs
  }

  /** Every topic there is, also the internal ones. */
  async ask(id: number): Promise<ClusterSeen | undefined> {
    try {
      const connection = await this.#connectionTo(id)
      const answer = await connection.request(
        metadata,
        { topics: null, allowAutoTopicCreation: false },
        { timeoutMs: this.#timeoutMs },
      )
      return {
        brokers: answer.brokers.map(({ nodeId }) => nodeId),
        partitions: answer.topics
          .filter(({ errorCode }) => errorCode === ErrorCode.NONE)
          .flatMap((topic) =>
            topic.partitions.map((one) => ({
              partition: `${topic.name}/${one.partitionIndex}`,
              leader: one.leaderId,
              epoch: one.leaderEpoch,
              replicas: one.replicaNodes,
              inSync: one.isrNodes,
            })),
          ),
      }
    } catch {
      this.#close(id)
      return undefined
    }
  }

  dispose(): void {
    for (const id of this.#connections.keys()) this.#close(id)
  }

  async #connectionTo(id: number): Promise<ClientConnection> {
    const open = this.#connections.get(id)
    if (open !== undefined && !open.closed) return open
    const node = this.#nodes.find((one) => one.id === id)
    if (node === undefined) throw new Error(`no node ${id}`)
    const connection = await ClientConnection.connect({
      host: node.direct.host,
      port: node.direct.port,
      clientId: "chaos-probe",
      timeoutMs: this.#timeoutMs,
    })
    this.#connections.set(id, connection)
    return connection
  }

  #close(id: number): void {
    this.#connections.get(id)?.close()
    this.#connections.delete(id)
  }
}
