/** Topic ids from the seeded generator. */
import type { Prng } from "../../raft/prng.ts"
import { uuidToBase64, zeroUuid } from "../protocol/uuid.ts"

/** Kafka avoids ids whose printed form begins with a dash: tools take that for an option. */
export function newUuid(prng: Prng): string {
  for (;;) {
    let id = ""
    for (let i = 0; i < 4; i++) id += prng.nextUint32().toString(16).padStart(8, "0")
    if (id !== zeroUuid && !uuidToBase64(id).startsWith("-")) return id
  }
}

/** FNV-1a over the text: spreads one seed over brokers, processes and groups. */
export function mixSeed(seed: number, text: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  }
  return hash
}
