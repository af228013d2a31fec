/**
 * Ids that no other process draws: 128 bits of the process's incarnation, each 32 of them spread
 * over a generator of its own.
 */
import { Prng } from "../../../raft/prng.ts"
import { uuidToBase64 } from "../../protocol/uuid.ts"
import { mixSeed } from "../uuids.ts"

/** Far apart: as seeds they give generators that have nothing in common. */
const lanes = [0x9e3779b1, 0x3c6ef362, 0xdaa66d13, 0x78dde6c4]

/** 22 characters of base64url that do not begin with a dash: tools take that for an option. */
export function uniqueIds(seed: number, incarnation: string): () => string {
  const prngs = lanes.map((lane) => new Prng(mixSeed(seed ^ lane, incarnation)))
  return () => {
    for (;;) {
      const words = prngs.map((prng) => prng.nextUint32().toString(16).padStart(8, "0"))
      const id = uuidToBase64(words.join(""))
      if (!id.startsWith("-")) return id
    }
  }
}
