/** What an opener may choose, and the measured defaults (DESIGN.md, "Figures"). */
import type { WalEvents } from "./wal.ts"

export interface SqliteWalLimits {
  /** Payload bytes of a row: a larger entry has a row of its own. */
  readonly rowBytesMax: number
  /** Payload bytes after which further commits go into another transaction. */
  readonly transactionBytesMax: number
  readonly slabBytes: number
  /** Entries kept in memory, in bytes over all groups; what is not durable yet comes on top. */
  readonly cacheBytes: number
  readonly directoryCacheBytes: number
  /** Payloads and directories in a file, after which the next transaction begins another one. */
  readonly segmentBytes: number
  readonly pageBytes: number
  readonly checkpointPages: number
  /** 0 = no bound; see `WriterSettings`. */
  readonly pagesMax: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const defaultLimits: SqliteWalLimits = {
  rowBytesMax: 256 * KiB,
  transactionBytesMax: 4 * MiB,
  slabBytes: 2 * MiB,
  cacheBytes: 32 * MiB,
  directoryCacheBytes: 2 * MiB,
  segmentBytes: 512 * MiB,
  pageBytes: 32 * KiB,
  checkpointPages: 128,
  pagesMax: 0,
}

export const scrubBytesPerSecondDefault = 2 * MiB

export interface SqliteWalOptions extends WalEvents {
  /** Made if it is not there. */
  readonly dir: string
  /**
   * The folder is known to have a log (`beginLog` came with its identity): if all of it is gone,
   * the open rejects with `LogGone` instead of beginning a new one under the old name.
   */
  readonly expected?: boolean
  readonly log?: (line: string) => void
  /** The worker's program, where the default does not find it (bundles with another layout). */
  readonly workerUrl?: URL
  readonly limits?: Partial<SqliteWalLimits>
  /** Disk space kept for votes and metadata; see reserve.ts. Default 0: `space` stays "ample". */
  readonly reserveBytes?: number
  /** Read in the background to find rot, per second; default 2 MiB, 0 = off. See scrub.ts. */
  readonly scrubBytesPerSecond?: number
}
