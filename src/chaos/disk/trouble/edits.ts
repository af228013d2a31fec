/**
 * Where the trouble goes into the broker: two places of the storage, patched as they are loaded, so
 * that the sources carry nothing of it. A patch that no longer fits keeps the broker from starting.
 */
import type { Edit } from "../../plants/plant.ts"

export interface TroubleEdit {
  readonly id: string
  readonly file: string
  readonly edits: ReadonlyArray<Edit>
}

/** Under this name the patched code finds the trouble of its thread. */
export const troubleName = "varveStorageTrouble"

export const troubleEdits: ReadonlyArray<TroubleEdit> = [
  {
    id: "storage trouble",
    file: "storage/segment-writer.ts",
    edits: [
      {
        find: "  commit(transaction: Transaction): void {\n",
        replace:
          "  commit(transaction: Transaction): void {\n" +
          `    globalThis.${troubleName}.commit(() => this.reallyCommit(transaction))\n` +
          "  }\n\n  reallyCommit(transaction: Transaction): void {\n",
      },
    ],
  },
  {
    id: "storage trouble",
    file: "storage/reserve.ts",
    edits: [
      {
        find: "return bavail * bsize",
        replace: `return globalThis.${troubleName}.freeBytes(bavail * bsize)`,
      },
    ],
  },
]
