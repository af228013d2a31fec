/**
 * Matches the regular expressions of groups against the names of topics: a piece at once, what is
 * left of it piece by piece with the ticks of the coordinator, then an operation of the group that
 * takes the result. One matching per group at a time.
 */
import { noStep } from "../operations.ts"
import { NameMatching } from "../subscription-pattern.ts"
import type { CoordinatorTerm } from "../term.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import type { GroupContext } from "./group-context.ts"
import { resolveRegexes } from "./regexes.ts"

/** Some ten milliseconds for a pattern that was made to be slow; others take a hundredth of it. */
const workPerStep = 5_000_000

export class RegexResolver {
  readonly #term: CoordinatorTerm
  readonly #contextOf: (group: ConsumerGroup, nowMs: number) => GroupContext
  readonly #underWay = new Set<string>()

  constructor(
    term: CoordinatorTerm,
    contextOf: (group: ConsumerGroup, nowMs: number) => GroupContext,
  ) {
    this.#term = term
    this.#contextOf = contextOf
  }

  resolve(groupId: string, regexes: ReadonlyArray<string>, nowMs: number): void {
    if (regexes.length === 0 || this.#underWay.has(groupId)) return
    this.#underWay.add(groupId)
    const { topics } = this.#term.host
    const matching = new NameMatching(regexes, topics.names())
    this.#proceed(groupId, matching, topics.version, nowMs)
  }

  #proceed(groupId: string, matching: NameMatching, version: number, nowMs: number): void {
    matching.proceed(workPerStep)
    const { groups, operations, timers } = this.#term
    if (!matching.isDone) {
      timers.set(`consumer regexes\0${groupId}`, nowMs + 1, (nowAtLastMs) =>
        this.#proceed(groupId, matching, version, nowAtLastMs),
      )
      return
    }
    operations.run(groupId, nowMs, (nowAtLastMs) => {
      this.#underWay.delete(groupId)
      const group = groups.get(groupId)
      if (group?._tag !== "consumer") return noStep
      const context = this.#contextOf(group, nowAtLastMs)
      const records = resolveRegexes(context, matching.result, version)
      return { records, settled: () => undefined }
    })
  }
}
