/** What Kafka's brokers may answer and varve's may not: found by running against both. */
import type { ChaosCluster } from "../../cluster.ts"

export interface Quirks {
  /**
   * A replica that is behind refuses an offset behind its own end as out of range (KIP-392), and
   * clients are to ask the leader: then it says nothing.
   */
  readonly followersMayRefuse: boolean
  /**
   * The high watermark of an answer is read before its records, so that these may lie beyond it:
   * it is at least where they end.
   */
  readonly watermarkIsOlder: boolean
  /** ListOffsets −3 tells no offset while the latest record is not committed. */
  readonly greatestTimeMayBeMissing: boolean
  /**
   * A coordinator that stood still and goes on answers OffsetFetch from what it knew, until it
   * hears that it is none any more: only who is named by FindCoordinator is to be asked.
   */
  readonly oldCoordinatorsAnswer: boolean
}

export const noQuirks: Quirks = {
  followersMayRefuse: false,
  watermarkIsOlder: false,
  greatestTimeMayBeMissing: false,
  oldCoordinatorsAnswer: false,
}

const ofKafka: Quirks = {
  followersMayRefuse: true,
  watermarkIsOlder: true,
  greatestTimeMayBeMissing: true,
  oldCoordinatorsAnswer: true,
}

export const quirksOf = (product: ChaosCluster["product"]): Quirks =>
  product === "kafka" ? ofKafka : noQuirks
