import type { Connect, LinkConnection } from "../../../src/chaos/drivers/raw/links.ts"
import { ConnectionLost } from "../../../src/client/client-error.ts"
import { decodeResponse, encodeResponse } from "../../../src/protocol/codec.ts"
import type { Api, RequestInput, ResponseInput, ResponseOf } from "../../../src/protocol/schema.ts"
import { Reader } from "../../../src/protocol/reader.ts"
import { Writer } from "../../../src/protocol/writer.ts"

/** Brokers that answer what a test says. */

/** "lost": the connection breaks; a promise: later. */
export type Scripted = object | "lost"

export interface Asked {
  readonly node: number
  readonly api: string
  readonly input: unknown
}

/** What lies at a path of a request: field names and places. */
export const dig = (from: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>((at, step) => {
    if (typeof at !== "object" || at === null) return undefined
    const found: unknown = Reflect.get(at, step)
    return found
  }, from)

export type Script = (asked: Asked) => Scripted | Promise<Scripted>

export class ScriptedBrokers {
  readonly asked: Array<Asked> = []
  /** Brokers that refuse connections. */
  readonly down = new Set<number>()
  script: Script

  constructor(script: Script) {
    this.script = script
  }

  readonly connect: Connect = (node) =>
    this.down.has(node)
      ? Promise.reject(new ConnectionLost(`broker ${node} is down`))
      : Promise.resolve(this.#connection(node))

  of(api: string): ReadonlyArray<Asked> {
    return this.asked.filter((one) => one.api === api)
  }

  #connection(node: number): LinkConnection {
    let closed = false
    const request = async <A extends Api>(
      api: A,
      input: RequestInput<A>,
      options: { readonly version?: number; readonly timeoutMs?: number },
    ): Promise<ResponseOf<A>> => {
      const asked = { node, api: api.name, input }
      this.asked.push(asked)
      const answer = await this.script(asked)
      if (answer === "lost") {
        closed = true
        throw new ConnectionLost("scripted")
      }
      const version = options.version ?? api.versions[1]
      const writer = new Writer()
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the encoder looks at it
      encodeResponse(api, version, answer as ResponseInput<A>, writer)
      return decodeResponse(api, version, new Reader(writer.concat()))
    }
    return {
      get closed() {
        return closed
      },
      request,
      send: (api, input) => {
        this.asked.push({ node, api: api.name, input })
      },
      versionOf: (api) => api.versions[1],
      close: () => {
        closed = true
      },
    }
  }
}
