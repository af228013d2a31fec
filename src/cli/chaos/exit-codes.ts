/** What `varve chaos` says to scripts; 2 is wrong usage. */
import type { Verdict } from "../../chaos/result.ts"

export const exitCodes: Readonly<Record<Verdict, number>> = {
  VALID: 0,
  INVALID: 1,
  INCONCLUSIVE: 3,
}
