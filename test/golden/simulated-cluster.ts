import type { Answer, Respondent } from "../../scripts/conformance/respondent.ts"
import type { Api } from "../../src/protocol/index.ts"
import { World } from "../support/world.ts"

const answerWithinMs = 30_000

/** Three simulated brokers that answer as the recorded cluster was asked. */
export class SimulatedCluster implements Respondent {
  readonly brokers = 3
  private readonly world = new World({
    seed: 42,
    clientId: "golden",
    settings: { defaultReplicationFactor: 3 },
  })

  constructor() {
    this.world.startAll().untilReady()
  }

  ask(
    broker: number,
    api: Api,
    version: number,
    body: object,
    { unanswered = false }: { readonly unanswered?: boolean } = {},
  ): Promise<Answer> {
    const { world } = this
    const asked = world.ask(broker, api, version, body)
    if (unanswered) world.run(200)
    const end = world.nowMs + answerWithinMs
    while (asked.answer === undefined && world.nowMs < end) world.step()
    return Promise.resolve(asked.answer ?? "silent")
  }

  rest(ms: number): Promise<void> {
    this.world.run(ms)
    return Promise.resolve()
  }
}
