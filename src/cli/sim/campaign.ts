/**
 * Runs many seeds over all lanes, reruns one of a hundred in another process to compare the hashes,
 * and gathers what they came to.
 */
import type { SimCase } from "../../sim/case.ts"
import type { Alarm, SeedOutcome } from "../../sim/result.ts"
import type { Job } from "./job.ts"
import type { Ended, Lane } from "./lane.ts"

export interface CampaignOptions {
  readonly firstSeed: number
  /** Infinity: until `isOver`. */
  readonly seeds: number
  readonly isOver: () => boolean
  /** After an alarm too. */
  readonly keepGoing: boolean
  readonly jobOf: (seed: number) => Job
  readonly onSeed: (outcome: SeedOutcome, totals: Totals) => void
}

export interface Finding {
  readonly seed: number
  readonly alarm: Alarm
  /** Unknown when the process ended under it. */
  readonly case?: SimCase
}

export interface Totals {
  seeds: number
  events: number
  simulatedMs: number
  /** How many seeds were run twice. */
  compared: number
  readonly rare: Map<string, number>
  readonly findings: Array<Finding>
}

/** Of so many seeds one is run twice. */
const compareEvery = 100

interface Recheck {
  readonly seed: number
  readonly hash: string
  readonly lane: Lane
}

export async function runCampaign(
  lanes: ReadonlyArray<Lane>,
  options: CampaignOptions,
): Promise<Totals> {
  const campaign = new Campaign(lanes.length, options)
  await Promise.all(lanes.map((lane) => campaign.work(lane)))
  return campaign.totals
}

class Campaign {
  readonly totals: Totals = {
    seeds: 0,
    events: 0,
    simulatedMs: 0,
    compared: 0,
    rare: new Map(),
    findings: [],
  }
  readonly #options: CampaignOptions
  readonly #lanes: number
  readonly #rechecks: Array<Recheck> = []
  #started = 0

  constructor(lanes: number, options: CampaignOptions) {
    this.#lanes = lanes
    this.#options = options
  }

  async work(lane: Lane): Promise<void> {
    while (!this.#isStopped) {
      const recheck = this.#takeRecheck(lane)
      if (recheck !== undefined) await this.#compare(lane, recheck)
      else if (this.#hasMore) await this.#runNext(lane)
      else if (this.#rechecks.length === 0) return
      else await this.#compare(lane, this.#rechecks.shift())
    }
  }

  get #isStopped(): boolean {
    return this.totals.findings.length > 0 && !this.#options.keepGoing
  }

  get #hasMore(): boolean {
    return this.#started < this.#options.seeds && !this.#options.isOver()
  }

  /** A seed that another process ran, where there is one. */
  #takeRecheck(lane: Lane): Recheck | undefined {
    const at = this.#rechecks.findIndex((one) => this.#lanes === 1 || one.lane !== lane)
    return at < 0 ? undefined : this.#rechecks.splice(at, 1)[0]
  }

  async #runNext(lane: Lane): Promise<void> {
    const seed = this.#options.firstSeed + this.#started++
    const isCompared = (this.#started - 1) % compareEvery === 0
    const ended = await lane.run(this.#options.jobOf(seed))
    const outcome = outcomeOf(seed, ended)
    this.#count(outcome)
    if (outcome.violation !== undefined) {
      const replay = ended._tag === "replied" ? ended.reply.case : undefined
      const finding = { seed, alarm: outcome.violation }
      this.totals.findings.push(replay === undefined ? finding : { ...finding, case: replay })
    } else if (isCompared) {
      this.#rechecks.push({ seed, hash: outcome.hash, lane })
    }
    this.#options.onSeed(outcome, this.totals)
  }

  #count(outcome: SeedOutcome): void {
    this.totals.seeds++
    this.totals.events += outcome.events
    this.totals.simulatedMs += outcome.simulatedMs
    const { rare } = this.totals
    for (const [name, times] of Object.entries(outcome.rare)) {
      rare.set(name, (rare.get(name) ?? 0) + times)
    }
  }

  async #compare(lane: Lane, recheck: Recheck | undefined): Promise<void> {
    if (recheck === undefined) return
    const { seed, hash } = recheck
    // What a process keeps between two seeds must not matter either.
    if (recheck.lane === lane) await lane.close()
    const again = outcomeOf(seed, await lane.run(this.#options.jobOf(seed)))
    this.totals.compared++
    if (again.hash === hash) return
    const detail = `seed ${seed} had the hash ${hash}, and ${again.hash} in another run`
    this.totals.findings.push({ seed, alarm: { kind: "nondeterminism", detail, atMs: 0 } })
  }
}

/** A process that ended or hung under a seed is that seed's alarm. */
export function outcomeOf(seed: number, ended: Ended): SeedOutcome {
  if (ended._tag === "replied") return ended.reply.outcome
  const violation: Alarm =
    ended._tag === "hung"
      ? { kind: "hang", detail: "the seed did not come to an end", atMs: 0 }
      : { kind: "crash", detail: `its process ended with ${ended.why}`, atMs: 0 }
  return { seed, verdict: "alarm", hash: "", events: 0, simulatedMs: 0, rare: {}, violation }
}
