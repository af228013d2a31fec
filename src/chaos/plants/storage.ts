/** Bugs of the log on disk: found with the real SQLite. */
import type { Plant } from "./plant.ts"

const test = (file: string): Plant["caughtBy"] => ({ _tag: "test", file })

export const storagePlants: ReadonlyArray<Plant> = [
  {
    id: "no-checksum-on-read",
    bug: "entries are read from the file without comparing their CRC",
    anomaly: "inconsistent-offsets: another value at the same offset",
    file: "storage/sqlite-group-log.ts",
    edits: [
      {
        find: " || entryCrc(envelope, payload) !== envelope.entryCrc",
        replace: " || entryCrc(envelope, payload) < 0",
      },
    ],
    caughtBy: test("test/storage/corruption.test.ts"),
  },
]
