import type { Verdict } from "../../result.ts"

export const verdictSentences: Readonly<Record<Verdict, string>> = {
  VALID: "Every promise was kept.",
  INVALID: "A promise was broken.",
  INCONCLUSIVE: "This run cannot tell whether the promises hold.",
}
