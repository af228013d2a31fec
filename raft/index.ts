/** The public face of the core. */
export type { ProposeResult, RefusalReason } from "./append.ts"
export { InvariantViolation } from "./assert.ts"
export type { RaftConfig } from "./config.ts"
export {
  configurationError,
  decodeConfiguration,
  encodeConfiguration,
  isJoint,
  isVoter,
  membersOf,
  sameConfiguration,
} from "./configuration.ts"
export { crc32c } from "./crc32c.ts"
export { countedBytes, entryCrc, isIntact, sealEntry, withKept } from "./entry.ts"
export { checkInvariants } from "./invariants.ts"
export { cutBehind } from "./log-cut.ts"
export type { LogReader } from "./log-reader.ts"
export type * from "./message.ts"
export { Prng } from "./prng.ts"
export { RaftNode } from "./raft-node.ts"
export type { ProgressView as Progress } from "./raft-node.ts"
export type { PersistToken, ReadState, Ready } from "./ready.ts"
export { emptyHardState, noCut } from "./types.ts"
export type * from "./types.ts"
