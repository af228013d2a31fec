/**
 * Majorities: what is committed and who won, for one set of voters or, while joint, for both at
 * once (§5.2, §6).
 */

export type VoteResult = "won" | "lost" | "pending"

const scratch: Array<number> = []

/** The greatest value that a majority has reached. No voters at all agree to anything. */
export function majorityReached<T>(voters: ReadonlyArray<T>, value: (voter: T) => number): number {
  const count = voters.length
  if (count === 0) return Number.MAX_SAFE_INTEGER
  for (let i = 0; i < count; i++) {
    const inserted = value(voters[i]!)
    let at = i
    for (; at > 0 && scratch[at - 1]! < inserted; at--) scratch[at] = scratch[at - 1]!
    scratch[at] = inserted
  }
  return scratch[count >> 1]!
}

/** Both majorities must have reached it. */
export function jointReached<T>(
  incoming: ReadonlyArray<T>,
  outgoing: ReadonlyArray<T>,
  value: (voter: T) => number,
): number {
  return Math.min(majorityReached(incoming, value), majorityReached(outgoing, value))
}

/** `vote` is undefined for who has not answered. */
export function majorityVote<T>(
  voters: ReadonlyArray<T>,
  vote: (voter: T) => boolean | undefined,
): VoteResult {
  if (voters.length === 0) return "won"
  const needed = (voters.length >> 1) + 1
  let granted = 0
  let open = 0
  for (const voter of voters) {
    const answer = vote(voter)
    if (answer === true) granted++
    else if (answer === undefined) open++
  }
  if (granted >= needed) return "won"
  return granted + open >= needed ? "pending" : "lost"
}

export function jointVote<T>(
  incoming: ReadonlyArray<T>,
  outgoing: ReadonlyArray<T>,
  vote: (voter: T) => boolean | undefined,
): VoteResult {
  const first = majorityVote(incoming, vote)
  const second = majorityVote(outgoing, vote)
  if (first === second) return first
  return first === "lost" || second === "lost" ? "lost" : "pending"
}
