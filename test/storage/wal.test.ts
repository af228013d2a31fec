import { openMemory, openSqlite } from "./open-wals.ts"
import { walSuite } from "./wal.suite.ts"

walSuite("memory", async () => openMemory())
walSuite("sqlite", () => openSqlite())
// Nothing stays cached: every read of a durable entry goes through the file, its CRC and its chain.
walSuite("sqlite without a cache", () => openSqlite({ cacheBytes: 0, directoryCacheBytes: 0 }))
// Rows, slabs and transactions end all the time.
walSuite("sqlite in small pieces", () =>
  openSqlite({ rowBytesMax: 64, slabBytes: 256, cacheBytes: 1024, transactionBytesMax: 128 }),
)
