import type { RunResult } from "../../result.ts"
import { formatCount } from "../format.ts"
import { markup } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { section, table } from "./parts.ts"

/** How often what was done, by whom, and how it went. */
export const operationsSection = ({ operations }: RunResult): Markup =>
  section(
    "operations",
    "Operations",
    markup`
      <p>“Refused” had no effect for certain. Of “unknown” the client cannot tell: such a write may
      ${" "}be in the log or not, and neither is held against the cluster.</p>`,
    table(
      "Operations by kind and client",
      [
        { name: "operation" },
        { name: "client" },
        { name: "ok", isNumber: true },
        { name: "refused", isNumber: true },
        { name: "unknown", isNumber: true },
      ],
      operations.map(({ f, process, ok, fail, info }) => [
        f,
        process,
        formatCount(ok),
        formatCount(fail),
        formatCount(info),
      ]),
    ),
  )
