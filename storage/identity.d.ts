export interface Identity {
  readonly clusterId: string
  readonly nodeId: number
  /** Drawn when the folder was made: a voter is (node id, disk uuid). */
  readonly diskUuid: string
}
/** The folder belongs to somebody else, or its identity cannot be read: nothing in it may be used. */
export declare class IdentityMismatch extends Error {
  constructor(message: string)
}
/** Undefined for a folder without one. Throws `IdentityMismatch` on an unreadable one. */
export declare function readIdentity(dir: string): Identity | undefined
/**
 * Durable when it returns. Writing what is already there does nothing; a folder that belongs to another cluster,
 * node or disk is refused.
 */
export declare function writeIdentity(dir: string, identity: Identity): void
