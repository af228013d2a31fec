/**
 * Ids that no other process draws: 128 bits of the process's incarnation, each 32 of them spread
 * over a generator of its own.
 */
import { Prng } from "../../../raft/prng.ts"
import { uuidToBase64 } from "../../protocol/uuid.ts"
import { mixSeed } from "../uuids.ts"

const lanes = [1, 2, 3, 4]

/** 22 characters of base64url that do not begin with a dash: tools take that for an option. */
export function uniqueIds(seed: number, incarnation: string): () => string {
  const prngs = lanes.map((lane) => new Prng(mixSeed(seed + lane, `${lane} ${incarnation}`)))
  return () => {
    for (;;) {
      const words = prngs.map((prng) => prng.nextUint32().toString(16).padStart(8, "0"))
      const id = uuidToBase64(words.join(""))
      if (!id.startsWith("-")) return id
    }
  }
}
