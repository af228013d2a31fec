import type { LinkCounters } from "../network.ts"

/** The counters of a link while it runs. */
export type Counting = { -readonly [K in keyof LinkCounters]: number }

export const zeroCounters = (): Counting => ({
  connections: 0,
  refused: 0,
  resets: 0,
  bytes: 0,
  droppedBytes: 0,
  delayedBytes: 0,
  droppedFrames: 0,
  heldFrames: 0,
  duplicatedFrames: 0,
  reorderedFrames: 0,
  droppedResponses: 0,
})
