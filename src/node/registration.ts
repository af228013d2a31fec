/**
 * This broker's own registration with the metadata group: asked for until the applied image shows
 * this process.
 */
import { brokerRegistration } from "../protocol/messages/broker-registration.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import type { RequestOf } from "../protocol/schema.ts"
import { responseOf } from "./requests/bodies.ts"
import type { LogLevel, NodeOptions } from "./ports.ts"
import type { ControllerRequest, ControllerResult } from "./requests/outcome.ts"

const answerWaitMs = 2000
const retryMs = 250
/** logDirs exist from version 2: they carry the disk uuid. */
const version = 4

export interface RegistrationPorts {
  /** The applied image shows this process, not fenced. */
  registered(): boolean
  /** Somebody who could decide is known. */
  leaderKnown(): boolean
  decide(request: ControllerRequest, done: (result: ControllerResult) => void): void
  log(level: LogLevel, line: string): void
}

export class Registration {
  readonly #options: NodeOptions
  readonly #ports: RegistrationPorts
  #asking = false
  #notBeforeMs = 0

  constructor(options: NodeOptions, ports: RegistrationPorts) {
    this.#options = options
    this.#ports = ports
  }

  run(nowMs: number): void {
    if (this.#asking || nowMs < this.#notBeforeMs) return
    if (this.#ports.registered() || !this.#ports.leaderKnown()) return
    this.#asking = true
    const request: ControllerRequest = {
      apiKey: brokerRegistration.key,
      apiVersion: version,
      body: this.#body(),
      deadlineMs: nowMs + answerWaitMs,
    }
    this.#ports.decide(request, (result) => {
      this.#asking = false
      this.#notBeforeMs = nowMs + retryMs
      if (result._tag === "timedOut") return
      const { errorCode } = responseOf(brokerRegistration, result.response)
      if (errorCode === ErrorCode.NONE) return
      this.#notBeforeMs = nowMs + 4 * retryMs
      this.#ports.log("warn", `registration refused with error ${errorCode}; trying again`)
    })
  }

  #body(): RequestOf<typeof brokerRegistration> {
    const { nodeId, clusterId, incarnation, advertised, diskUuid } = this.#options
    return {
      brokerId: nodeId,
      clusterId,
      incarnationId: incarnation,
      listeners: [
        { name: "PLAINTEXT", host: advertised.host, port: advertised.port, securityProtocol: 0 },
      ],
      features: [],
      rack: advertised.rack,
      isMigratingZkBroker: false,
      logDirs: [diskUuid],
      previousBrokerEpoch: -1,
    }
  }
}
