/**
 * The public face for tests of the user's own: a cluster that can be hurt, and a history that says
 * whether their producers and consumers have kept what they promise.
 */
export { TestCluster } from "./test-cluster.ts"
export type { Cut, Slowness, SlowLinks, TestClusterOptions, WaitOptions } from "./test-cluster.ts"
export type { NewTopic } from "./new-topic.ts"
export { TestHistory } from "./test-history.ts"
export type {
  Commit,
  HistoryOptions,
  ReaderOptions,
  SendOptions,
  SettleOptions,
} from "./test-history.ts"
export type { DrainOptions } from "./drain.ts"
export type { Promises } from "./judge.ts"
export { placesIn } from "./places.ts"
export type { Place } from "./places.ts"
export type { Content, Offset, ReadRecord, RecordContent, SentRecord } from "./records.ts"
export { expectValid, HistoryNotValid, TestVerdict } from "./verdict.ts"
export type { TestAnomaly, TestAnomalyKind } from "./verdict.ts"
export { effectAnomalyKinds } from "./effects.ts"
export type { EffectAnomalyKind, EffectPromises } from "./effects.ts"
// What they are built on: for checks of one's own over any history.
export { anomalyKinds, checkHistory, explainAnomaly } from "../chaos/checkers/index.ts"
export type { Anomaly, AnomalyKind, HistoryVerdict } from "../chaos/checkers/index.ts"
export type { Operation } from "../chaos/history/history.ts"
