/** varve's own broker settings; shown where they are set. */
import { configTable } from "./config-table.ts"

export const varveTable = configTable(`
varve.metadata.snapshot.entries | int | 10000 | >=10 | fixed
  After so many entries the metadata group's log is cut behind a snapshot.
varve.accept.data.loss | boolean | false | any | fixed
  Whether a log whose only copy has lost something is run with what is left.
varve.disk.reserve.bytes | long | 67108864 | >=0 | fixed
  Space kept free on the disk for elections and metadata when it is nearly full.
varve.segment.bytes | long | 536870912 | >=1048576 | fixed
  Size of a file of the log that all partitions of a broker share; full ones give space back.
varve.scrub.bytes.per.second | long | 2097152 | >=0 | fixed
  How fast logs are read over to find damage; 0: not at all.
`)
