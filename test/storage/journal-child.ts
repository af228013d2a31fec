/** Changes the file argv[2] in a transaction that reaches the file, and dies before it commits. */
import { Database } from "bun:sqlite"

const db = new Database(process.argv[2] ?? "")
db.run("PRAGMA cache_size = 1")
db.run("PRAGMA cache_spill = 1")
db.run("BEGIN IMMEDIATE")
db.run("UPDATE segment SET end_seq = 999999")
// More pages than the cache holds: the first ones are written out.
db.run("CREATE TABLE filler (bytes BLOB)")
for (let n = 0; n < 40; n++) db.run("INSERT INTO filler VALUES (zeroblob(200000))")
process.kill(process.pid, "SIGKILL")
