import type { Answer, AskOptions, Respondent } from "../../scripts/conformance/respondent.ts"
import type { Api } from "../../src/protocol/index.ts"
import { BrokerThrew } from "../../src/sim/world.ts"
import { World } from "../support/world.ts"

const answerWithinMs = 30_000

/** Three simulated brokers that answer as the recorded cluster was asked. */
export class SimulatedCluster implements Respondent {
  readonly brokers = 3
  private readonly world = new World({
    seed: 42,
    clientId: "golden",
    settings: {
      defaultReplicationFactor: 3,
      // As the file of the recorded brokers says.
      brokerConfigs: new Map([
        ["num.partitions", "1"],
        ["min.insync.replicas", "1"],
      ]),
    },
  })

  constructor() {
    this.world.startAll().untilReady()
  }

  ask(
    broker: number,
    api: Api,
    version: number,
    body: object,
    { unanswered = false, apart = false }: AskOptions = {},
  ): Promise<Answer> {
    const { world } = this
    if (apart) {
      const { promise, resolve } = Promise.withResolvers<Answer>()
      world.ask(broker, api, version, body, resolve)
      return promise
    }
    try {
      const asked = world.ask(broker, api, version, body)
      if (unanswered) world.run(200)
      const end = world.nowMs + answerWithinMs
      while (asked.answer === undefined && world.nowMs < end) world.step()
      return Promise.resolve(asked.answer ?? "silent")
    } catch (error) {
      if (!(error instanceof BrokerThrew)) throw error
      world.crash(error.broker)
      world.start(error.broker)
      world.untilReady(30_000)
      return Promise.resolve(`the broker threw: ${error.message}`)
    }
  }

  rest(ms: number): Promise<void> {
    if (ms > 0) this.world.run(ms)
    return Promise.resolve()
  }
}
