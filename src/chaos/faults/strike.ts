/** One planned fault from its injection to its heal, and the record of it. */
import { Prng } from "../../../raft/prng.ts"
import type { Effect, Fault, FaultContext, FaultKind, FaultPlan, FaultRecord } from "../fault.ts"
import { FaultImpossible } from "../fault.ts"
import type { Injected } from "../fault.ts"
import { within } from "./heal.ts"

export interface StrikeOptions extends Omit<FaultContext, "chance"> {
  readonly plan: FaultPlan
  readonly fault: Fault | undefined
  /** Why it must not be done now. */
  readonly refusal: string | undefined
  /** A heal that did not succeed. */
  onFailure(line: string): void
}

const injectMs = 60_000
const verifyMs = 150_000
const healMs = 120_000

/** `inject`, then `finish`, once each; neither rejects. */
export class Strike {
  private readonly options: StrikeOptions
  private injected: Injected | undefined
  private effect: Effect = { effective: false, evidence: "" }
  private injectedMs = 0

  constructor(options: StrikeOptions) {
    this.options = options
  }

  get kind(): FaultKind {
    return this.options.plan.kind
  }

  get target(): string {
    return this.injected?.target ?? ""
  }

  get nodes(): ReadonlyArray<number> {
    return this.injected?.nodes ?? []
  }

  async inject(): Promise<void> {
    const { fault, refusal, plan, clock, signal } = this.options
    this.injectedMs = clock.nowMs()
    if (signal.aborted) return this.failed("the run was interrupted")
    if (refusal !== undefined) return this.failed(refusal)
    if (fault === undefined) return this.failed("there is no such fault here")
    const context: FaultContext = { ...this.options, chance: new Prng(plan.seed) }
    const untilMs = this.injectedMs + plan.durationMs
    const work = fault.inject(context, untilMs)
    try {
      this.injected = await within(injectMs, `injecting ${plan.kind}`, () => work)
      this.injectedMs = clock.nowMs()
      this.log(`inject: ${this.injected.target}`)
    } catch (error) {
      // One that was too slow has its effect later, when nobody counts on it.
      void work.then((late) => late.heal()).catch(() => undefined)
      const why = textOf(error)
      this.failed(error instanceof FaultImpossible ? why : `it could not be injected: ${why}`)
    }
  }

  /** Waits until it has lasted, looks whether it bit, and takes it back. */
  async finish(): Promise<{ readonly strike: Strike; readonly record: FaultRecord }> {
    const { plan, clock } = this.options
    const { injected } = this
    if (injected !== undefined) {
      await this.lastAndVerify(injected)
      await this.heal(injected)
    }
    const record: FaultRecord = {
      plan,
      target: this.target,
      nodes: [...this.nodes],
      injectedMs: this.injectedMs,
      healedMs: clock.nowMs(),
      ...this.effect,
    }
    return { strike: this, record }
  }

  private async lastAndVerify(injected: Injected): Promise<void> {
    const { plan, clock, signal } = this.options
    try {
      const untilMs = this.injectedMs + plan.durationMs
      await clock.sleep(Math.max(0, untilMs - clock.nowMs()), signal)
      this.effect = await within(verifyMs, "looking at it", () => injected.verify())
      const bit = this.effect.effective ? "effective" : "NOT effective"
      this.log(`verify: ${bit}: ${this.effect.evidence}`)
    } catch (error) {
      const why = signal.aborted ? "the run was interrupted" : textOf(error)
      this.failed(`it was not verified: ${why}`)
    }
  }

  private async heal(injected: Injected): Promise<void> {
    try {
      await within(healMs, "the heal", () => injected.heal())
      this.log("heal: done")
    } catch (error) {
      const why = textOf(error)
      this.options.onFailure(`${this.kind} ${this.target} was not healed: ${why}`)
      const evidence = `${this.effect.evidence}; not healed: ${why}`
      this.effect = { effective: this.effect.effective, evidence }
    }
  }

  private failed(evidence: string): void {
    this.effect = { effective: false, evidence }
    this.log(`NOT effective: ${evidence}`)
  }

  private log(line: string): void {
    this.options.log(`${this.kind}: ${line}`)
  }
}

const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll("\n", " · ")
