/** Configurations as values: sound or not, equal or not, joint or not, and as bytes of an entry. */
import { invariant } from "./assert.ts"
import type { Configuration, MemberId } from "./types.ts"

/** Bound on members of one group, all lists together. */
export const MEMBERS_MAX = 64
const FORMAT = 1

export const isJoint = (c: Configuration): boolean => c.votersOutgoing.length > 0

export const isVoter = (c: Configuration, member: MemberId): boolean =>
  c.voters.includes(member) || c.votersOutgoing.includes(member)

/** Everybody the leader replicates to, each once. */
export function membersOf(c: Configuration): Array<MemberId> {
  return [...new Set([...c.voters, ...c.votersOutgoing, ...c.learners, ...c.learnersNext])]
}

export const sameMembers = (a: ReadonlyArray<MemberId>, b: ReadonlyArray<MemberId>): boolean =>
  a.length === b.length && a.every((member) => b.includes(member))

export const sameConfiguration = (a: Configuration, b: Configuration): boolean =>
  lists(a).every((list, i) => sameMembers(list, lists(b)[i] ?? []))

/** What is wrong with it, null when nothing is. */
export function configurationError(c: Configuration): string | null {
  if (c.voters.length === 0) return "it has no voters"
  if (membersOf(c).length > MEMBERS_MAX) return `more than ${MEMBERS_MAX} members`
  for (const list of lists(c)) {
    if (new Set(list).size !== list.length) return "a member is listed twice"
    if (list.includes("")) return "a member id is empty"
  }
  if (c.learners.some((m) => isVoter(c, m))) return "a learner is also a voter"
  if (c.learnersNext.some((m) => c.voters.includes(m))) return "a next learner stays a voter"
  if (c.learnersNext.some((m) => !c.votersOutgoing.includes(m))) {
    return "a next learner is not an outgoing voter"
  }
  if (c.witnesses.some((m) => !isVoter(c, m))) return "a witness is not a voter"
  if (isMajority(c.witnesses, c.voters)) return "witnesses alone are a majority"
  if (isJoint(c) && isMajority(c.witnesses, c.votersOutgoing)) {
    return "witnesses alone are an outgoing majority"
  }
  return null
}

/** They could commit what no data voter has, and then refuse all of these. */
const isMajority = (some: ReadonlyArray<MemberId>, of: ReadonlyArray<MemberId>): boolean =>
  of.filter((member) => some.includes(member)).length * 2 > of.length

const lists = (c: Configuration): ReadonlyArray<ReadonlyArray<MemberId>> => [
  c.voters,
  c.votersOutgoing,
  c.learners,
  c.learnersNext,
  c.witnesses,
]

/**
 * uint8 format, then per list: uint8 count, per member uint16 count of UTF-16 units and the units,
 * little-endian.
 */
export function encodeConfiguration(c: Configuration): Uint8Array {
  const size = lists(c).reduce((sum, l) => l.reduce((s, m) => s + 2 + 2 * m.length, sum + 1), 1)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  let at = 0
  view.setUint8(at++, FORMAT)
  for (const list of lists(c)) {
    view.setUint8(at++, list.length)
    for (const member of list) {
      view.setUint16(at, member.length, true)
      at += 2
      for (let i = 0; i < member.length; i++, at += 2) {
        view.setUint16(at, member.charCodeAt(i), true)
      }
    }
  }
  return bytes
}

/** Throws when the bytes are no configuration: they come from an entry whose CRC was checked. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  invariant(bytes.length > 0 && view.getUint8(at++) === FORMAT, "a configuration of known format")
  const list = (): Array<MemberId> => {
    const members: Array<MemberId> = []
    invariant(at < bytes.length, "a configuration that is whole")
    for (let left = view.getUint8(at++); left > 0; left--) {
      invariant(at + 2 <= bytes.length, "a configuration that is whole")
      const units = view.getUint16(at, true)
      at += 2
      invariant(at + 2 * units <= bytes.length, "a configuration that is whole")
      let member = ""
      for (let i = 0; i < units; i++, at += 2) {
        member += String.fromCharCode(view.getUint16(at, true))
      }
      members.push(member)
    }
    return members
  }
  const configuration = {
    voters: list(),
    votersOutgoing: list(),
    learners: list(),
    learnersNext: list(),
    witnesses: list(),
  }
  invariant(at === bytes.length, "a configuration without trailing bytes")
  invariant(configurationError(configuration) === null, "a configuration that is sound")
  return configuration
}
