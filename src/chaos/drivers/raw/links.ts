/**
 * A raw client's connections, one per broker, each with a number of its own: what goes wrong is an
 * answer like any other.
 */
import { ClientConnection, ConnectionLost } from "../../../client/index.ts"
import type { Api, RequestInput, ResponseOf } from "../../../protocol/schema.ts"
import type { Endpoint } from "../../cluster.ts"

/** The part of a connection that links use; tests put scripted ones here. */
export interface LinkConnection {
  readonly closed: boolean
  request<A extends Api>(
    api: A,
    input: RequestInput<A>,
    options: { readonly version?: number; readonly timeoutMs?: number },
  ): Promise<ResponseOf<A>>
  send<A extends Api>(api: A, input: RequestInput<A>, version?: number): void
  versionOf(api: Api): number | undefined
  close(): void
}

export type Connect = (node: number) => Promise<LinkConnection>

/** Connections to these addresses. */
export const connectTo =
  (addresses: ReadonlyMap<number, Endpoint>, clientId: string, timeoutMs: number): Connect =>
  async (node) => {
    const address = addresses.get(node)
    if (address === undefined) throw new ConnectionLost(`broker ${node} is not known`)
    const { host, port } = address
    return ClientConnection.connect({ host, port, clientId, timeoutMs })
  }

/**
 * "unsent": no connection could be made, the broker has seen nothing of it. "lost": it broke or
 * stayed silent, and nobody knows.
 */
export type LinkReply<A extends Api> =
  | { readonly _tag: "answer"; readonly answer: ResponseOf<A>; readonly connection: number }
  | { readonly _tag: "unsent" | "lost"; readonly error: string; readonly connection: number }

interface Link {
  readonly number: number
  readonly made: Promise<LinkConnection>
  connection: LinkConnection | undefined
}

export interface AskOptions {
  /** The newest at most; a broker that knows only older ones is asked in the newest it knows. */
  readonly versionMax?: number
  readonly timeoutMs: number
}

export class Links {
  readonly #connect: Connect
  /** Shared by the clients of a run: no two connections have the same number. */
  readonly #numbers: { next: number }
  readonly #links = new Map<number, Link>()
  #closed = false

  constructor(connect: Connect, numbers: { next: number }) {
    this.#connect = connect
    this.#numbers = numbers
  }

  /** Never rejects. */
  async ask<A extends Api>(
    node: number,
    api: A,
    input: RequestInput<A>,
    { versionMax, timeoutMs }: AskOptions,
  ): Promise<LinkReply<A>> {
    const link = this.#link(node)
    let connection: LinkConnection
    try {
      connection = link.connection ?? (await link.made)
    } catch (error) {
      return { _tag: "unsent", error: reason(error), connection: link.number }
    }
    const newest = connection.versionOf(api)
    if (connection.closed || newest === undefined) {
      this.#forget(node, link)
      const error = connection.closed ? "CLOSED" : "UNSUPPORTED"
      return { _tag: "unsent", error, connection: link.number }
    }
    const version = Math.min(newest, versionMax ?? newest)
    try {
      const answer = await connection.request(api, input, { version, timeoutMs })
      return { _tag: "answer", answer, connection: link.number }
    } catch (error) {
      // Nothing more is asked on a connection that let a request go unanswered.
      connection.close()
      this.#forget(node, link)
      return { _tag: "lost", error: reason(error), connection: link.number }
    }
  }

  /** For what has no answer. False: no connection, nothing was sent. */
  async tell<A extends Api>(
    node: number,
    api: A,
    input: RequestInput<A>,
  ): Promise<{ readonly isSent: boolean; readonly connection: number }> {
    const link = this.#link(node)
    try {
      const connection = link.connection ?? (await link.made)
      connection.send(api, input)
      return { isSent: true, connection: link.number }
    } catch {
      this.#forget(node, link)
      return { isSent: false, connection: link.number }
    }
  }

  close(): void {
    this.#closed = true
    for (const [node, link] of this.#links) {
      link.made.then((connection) => connection.close()).catch(() => undefined)
      this.#forget(node, link)
    }
  }

  #link(node: number): Link {
    const known = this.#links.get(node)
    if (known !== undefined && known.connection?.closed !== true) return known
    const made = this.#closed
      ? Promise.reject(new ConnectionLost("the client has ended"))
      : this.#connect(node)
    const link: Link = { number: this.#numbers.next++, made, connection: undefined }
    this.#links.set(node, link)
    made.then(
      (connection) => (link.connection = connection),
      () => this.#forget(node, link),
    )
    return link
  }

  #forget(node: number, link: Link): void {
    if (this.#links.get(node) === link) this.#links.delete(node)
  }
}

const reason = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  return text.split("\n")[0]?.slice(0, 120) ?? ""
}
