/** What a group does in a small valid history, and ways to spoil it. */
import type { AnomalyKind } from "../../src/chaos/checkers/index.ts"
import type { GroupCall, Operation } from "../../src/chaos/history/history.ts"
import { all, at, operation, part, sample } from "./checkers-fixture.ts"
import type { Mutable, Sample } from "./checkers-fixture.ts"

type Of<F extends GroupCall["f"]> = Array<Mutable<Operation<Extract<GroupCall, { f: F }>>>>

export interface GroupSample {
  readonly rest: Sample
  readonly joins: Of<"join">
  readonly assigns: Of<"assign">
  readonly commits: Of<"commit">
  readonly reads: Of<"committed">
}

export const allOfGroup = (history: GroupSample): ReadonlyArray<Operation> => [
  ...all(history.rest),
  ...history.joins,
  ...history.assigns,
  ...history.commits,
  ...history.reads,
]

const group = "g0"
const other = "t0#abcdef12/1"

const join = (member: string, generation: number) =>
  operation({ f: "join", group, member, generation }, { process: `g0.${member}` })

const assign = (member: string, generation: number, partitions: ReadonlyArray<string>) =>
  operation(
    { f: "assign", protocol: "classic", group, member, generation, partitions },
    { process: `g0.${member}` },
  )

const commit = (member: string, generation: number, offset: number, tag: string) =>
  operation(
    { f: "commit", group, partition: part, offset, tag, member, generation },
    { process: `g0.${member}` },
  )

const read = (offset: number, tag: string) =>
  operation({ f: "committed", group, partition: part, offset, tag }, { process: "g0.m1" })

/** One member alone, then two, then the other one alone. */
export function groupSample(): GroupSample {
  const rest = sample()
  for (const poll of rest.polls) poll.process = "g0.m0"
  const nothing = read(-1, "")
  const first = join("m0", 1)
  const alone = assign("m0", 1, [part, other])
  const early = commit("m0", 1, 4, "a")
  const seen = read(4, "a")
  const both = [join("m0", 2), join("m1", 2)]
  const shared = [assign("m0", 2, [part]), assign("m1", 2, [other])]
  const late = commit("m0", 2, 10, "b")
  const again = read(10, "b")
  const last = join("m1", 3)
  const taken = assign("m1", 3, [part, other])
  return {
    rest,
    joins: [first, ...both, last],
    assigns: [alone, ...shared, taken],
    commits: [early, late],
    reads: [nothing, seen, again],
  }
}

export interface GroupMutation {
  readonly what: string
  readonly kind: AnomalyKind
  readonly spoil: (history: GroupSample) => void
}

export const groupMutations: ReadonlyArray<GroupMutation> = [
  {
    what: "an offset that nobody committed",
    kind: "uncommitted-offset",
    spoil: ({ reads }) => void (at(reads, 1).tag = "nobody's"),
  },
  {
    what: "the offset of another commit",
    kind: "uncommitted-offset",
    spoil: ({ reads }) => void (at(reads, 1).offset = 3),
  },
  {
    what: "an offset before it was committed",
    kind: "uncommitted-offset",
    spoil: ({ reads }) => Object.assign(at(reads, 0), { offset: 4, tag: "a" }),
  },
  {
    what: "an offset whose commit was refused",
    kind: "aborted-commit",
    spoil: ({ commits }) => void (at(commits, 0).outcome = "fail"),
  },
  {
    what: "no offset, after a commit",
    kind: "lost-commits",
    spoil: ({ reads }) => Object.assign(at(reads, 1), { offset: -1, tag: "" }),
  },
  {
    what: "offset 0, after a commit",
    kind: "uncommitted-offset",
    spoil: ({ reads }) => Object.assign(at(reads, 1), { offset: 0, tag: "" }),
  },
  {
    what: "an older offset than the last one",
    kind: "stale-commit",
    spoil: ({ reads }) => Object.assign(at(reads, 2), { offset: 4, tag: "a" }),
  },
  {
    what: "an older offset than one that was seen, though nobody knows of its commit",
    kind: "stale-commit",
    spoil: ({ commits, reads }) => {
      at(commits, 1).outcome = "info"
      reads.push(read(4, "a"))
    },
  },
  {
    what: "a commit of an earlier generation",
    kind: "fenced-commit",
    spoil: ({ commits }) => void (at(commits, 1).generation = 1),
  },
  {
    what: "a commit for a partition that another one owns in a later epoch",
    kind: "fenced-commit",
    spoil: ({ assigns, commits }) => {
      for (const assigned of assigns) assigned.protocol = "consumer"
      commits.push(commit("m0", 2, 12, "late"))
    },
  },
  {
    what: "a generation that falls",
    kind: "generation-regress",
    spoil: ({ joins }) => void (at(joins, 3).generation = 1),
  },
  {
    what: "a partition given to two",
    kind: "two-owners",
    spoil: ({ assigns }) => void (at(assigns, 2).partitions = [part, other]),
  },
  {
    what: "a partition given to another one while its owner has time to be heard of",
    kind: "owners-overlap",
    spoil: ({ joins, assigns }) => {
      for (const assigned of assigns) assigned.timeoutMs = 100
      // The owner in generation 2 was the only one, and never asked to join again.
      joins.splice(1, 1)
      assigns.splice(1, 1)
    },
  },
  {
    what: "a record that no member was given, below the committed offset",
    kind: "skipped-record",
    spoil: ({ rest }) => void rest.polls.splice(2, 1),
  },
]

/** What spoils nothing. */
export const groupAllowances: ReadonlyArray<Omit<GroupMutation, "kind">> = [
  {
    what: "a partition that another one gets when its owner has joined again",
    spoil: ({ joins, assigns }) => {
      for (const assigned of assigns) assigned.timeoutMs = 1e9
      const span = { invoked: at(assigns, 1).returned + 0.5, returned: Infinity }
      joins.push({ ...at(joins, 1), ...span, outcome: "pending" })
    },
  },
  {
    what: "a partition that another one gets when its owner was not heard of for long",
    spoil: ({ joins, assigns }) => {
      for (const assigned of assigns) assigned.timeoutMs = 3
      joins.splice(1, 1)
      assigns.splice(1, 1)
    },
  },
  {
    what: "a commit of unknown outcome that never shows",
    spoil: ({ commits, reads }) => {
      at(commits, 1).outcome = "info"
      reads.length = 2
    },
  },
  {
    what: "a commit of unknown outcome that lands late",
    spoil: ({ commits, reads }) => {
      at(commits, 0).outcome = "info"
      at(commits, 0).returned = Infinity
      reads.splice(1, 2, read(10, "b"), read(4, "a"))
    },
  },
  {
    what: "the older of two commits that went on at the same time",
    spoil: ({ commits, reads }) => {
      at(commits, 0).returned = at(commits, 1).returned + 0.5
      reads.splice(1, 2, read(4, "a"))
    },
  },
  {
    what: "a commit of a member that is an epoch behind, for what it owns",
    spoil: ({ assigns, commits }) => {
      for (const assigned of assigns) assigned.protocol = "consumer"
      at(assigns, 3).partitions = [other]
      commits.push(commit("m0", 2, 12, "late"))
    },
  },
  {
    what: "a commit back to where it was",
    spoil: ({ commits, reads }) => {
      commits.push(commit("m1", 3, 2, "c"))
      reads.push(read(2, "c"))
    },
  },
]
