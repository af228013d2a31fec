/** Where a log begins when everything up to one of its entries is taken from it. */
import { decodeConfiguration } from "./configuration.ts"
import type { Entry, EntryEnvelope, LogCut } from "./types.ts"

/**
 * The cut behind `last`. `configuration`: the newest configuration entry at or below it that is in
 * the log; without one what the present cut says is still in force.
 */
export function cutBehind(
  last: EntryEnvelope,
  configuration: Entry | undefined,
  present: LogCut,
): LogCut {
  const { index, term, lastOffset, appendMs } = last
  const place = { index, term, lastOffset, appendMs }
  if (configuration !== undefined) {
    return {
      ...place,
      configuration: decodeConfiguration(configuration.payload),
      configurationIndex: configuration.index,
    }
  }
  const { configuration: before, configurationIndex } = present
  return { ...place, configuration: before, configurationIndex }
}
