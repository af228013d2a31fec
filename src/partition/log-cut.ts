/** Where a log begins when everything up to an index is taken from it. */
import { cutBehind } from "../../raft/index.ts"
import type { LogCut, LogIndex } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"

/** `index` is in the log; throws when it is not. */
export function cutAt(log: GroupLog, index: LogIndex): LogCut {
  const meta = log.metas(index, index + 1, 1)[0]
  if (meta === undefined) throw new Error(`no entry ${index} to cut the log at`)
  return cutBehind(meta, log.configurationAt(index), log.cut)
}
