/**
 * Majorities: what is committed and who won, for one set of voters or, while joint, for both at
 * once (§5.2, §6).
 */

export type VoteResult = "won" | "lost" | "pending"

/**
 * "uncounted": given by a member that knows its votes, and whose log may have lost what it once
 * acknowledged. It settles who leads the term, and says nothing of what is committed.
 */
export type Vote = "granted" | "uncounted" | "refused"

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

/**
 * `vote` is undefined for who has not answered. Won with a majority (one leader per term), of which
 * so many count in full that no majority is without one of them: any entry that is committed was
 * acknowledged by one of those, who would have refused a log without it (§5.4.3). With an odd
 * number of voters these are a majority themselves; with an even one half of them will do, and one
 * more to settle the term.
 */
export function majorityVote<T>(
  voters: ReadonlyArray<T>,
  vote: (voter: T) => Vote | undefined,
): VoteResult {
  const count = voters.length
  if (count === 0) return "won"
  const needed = (count >> 1) + 1
  const neededInFull = count - needed + 1
  let inFull = 0
  let uncounted = 0
  let open = 0
  for (const voter of voters) {
    const answer = vote(voter)
    if (answer === "granted") inFull++
    else if (answer === "uncounted") uncounted++
    else if (answer === undefined) open++
  }
  if (inFull + uncounted >= needed && inFull >= neededInFull) return "won"
  const reachable = inFull + uncounted + open >= needed && inFull + open >= neededInFull
  return reachable ? "pending" : "lost"
}

export function jointVote<T>(
  incoming: ReadonlyArray<T>,
  outgoing: ReadonlyArray<T>,
  vote: (voter: T) => Vote | undefined,
): VoteResult {
  const first = majorityVote(incoming, vote)
  const second = majorityVote(outgoing, vote)
  if (first === second) return first
  return first === "lost" || second === "lost" ? "lost" : "pending"
}
