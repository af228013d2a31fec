import { compactionSuite } from "./compaction.suite.ts"
import { cutSuite } from "./cut.suite.ts"
import { openMemory, openSqlite, type OpenWal } from "./open-wals.ts"
import { walSuite } from "./wal.suite.ts"

const logs: ReadonlyArray<readonly [name: string, open: () => Promise<OpenWal>]> = [
  ["memory", async () => openMemory()],
  ["sqlite", () => openSqlite()],
  // Nothing stays cached: every read of a durable entry goes through the file, its CRC and chain.
  ["sqlite without a cache", () => openSqlite({ cacheBytes: 0, directoryCacheBytes: 0 })],
  // Rows, slabs and transactions end all the time.
  [
    "sqlite in small pieces",
    () =>
      openSqlite({ rowBytesMax: 64, slabBytes: 256, cacheBytes: 1024, transactionBytesMax: 128 }),
  ],
  // A file for nearly every transaction, sealed and copied forward all the time.
  ["sqlite in small files", () => openSqlite({ cacheBytes: 0, segmentBytes: 1 })],
]

for (const [name, open] of logs) {
  walSuite(name, open)
  cutSuite(`cuts: ${name}`, open)
  compactionSuite(`compaction: ${name}`, open)
}
