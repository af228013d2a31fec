import { ConnectionClosed, RawConnection, type RawAddress } from "../harness/raw.ts"
import type { Api } from "../../src/protocol/index.ts"
import type { Answer, AskOptions, Respondent } from "./respondent.ts"

const answerWithinMs = 15_000

/** Real brokers over TCP, one connection to each; a broker that closed it gets a new one. */
export class LiveCluster implements Respondent {
  private readonly addresses: ReadonlyArray<RawAddress>
  private readonly connections = new Map<number, RawConnection>()

  /** Broker i listens at the i-th address. */
  constructor(addresses: ReadonlyArray<RawAddress>) {
    this.addresses = addresses
  }

  get brokers(): number {
    return this.addresses.length
  }

  async ask(
    broker: number,
    api: Api,
    version: number,
    body: object,
    { unanswered = false, apart = false }: AskOptions = {},
  ): Promise<Answer> {
    const connection = apart ? await this.open(broker) : await this.connection(broker)
    if (unanswered) {
      connection.send(api, version, body)
      // An answer that comes all the same breaks the connection: it belongs to no question.
      await Bun.sleep(200)
      return connection.isOpen ? "none" : "closed"
    }
    const late = Bun.sleep(answerWithinMs).then((): Answer => "silent")
    const answer = await Promise.race([answerOf(connection, api, version, body), late])
    if (apart || answer === "silent") connection.close()
    return answer
  }

  async rest(ms: number): Promise<void> {
    if (ms > 0) await Bun.sleep(ms)
  }

  close(): void {
    for (const connection of this.connections.values()) connection.close()
  }

  private async connection(broker: number): Promise<RawConnection> {
    const known = this.connections.get(broker)
    if (known?.isOpen === true) return known
    const opened = await this.open(broker)
    this.connections.set(broker, opened)
    return opened
  }

  private async open(broker: number): Promise<RawConnection> {
    const address = this.addresses[broker]
    if (address === undefined) throw new Error(`no broker ${broker} in this cluster`)
    return await RawConnection.open(address, "golden")
  }
}

async function answerOf(
  connection: RawConnection,
  api: Api,
  version: number,
  body: object,
): Promise<Answer> {
  try {
    return await connection.request(api, version, body)
  } catch (error) {
    if (error instanceof ConnectionClosed || !connection.isOpen) return "closed"
    return `unreadable: ${error instanceof Error ? error.message : String(error)}`
  }
}
