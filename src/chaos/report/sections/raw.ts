/** The end of the page: everything that it was made from. */
import type { RunResult } from "../../result.ts"
import { formatDuration, formatTime } from "../format.ts"
import { markup } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { section, table } from "./parts.ts"

/** `files`: paths from the folder of the report, with slashes. */
export const rawSection = (result: RunResult, files: ReadonlyArray<string>): Markup =>
  section(
    "raw",
    "Everything it was made from",
    markup`<ul class="files">${files.map(fileLink)}</ul>`,
    markup`<h3>All faults</h3>`,
    table(
      "All faults",
      [
        { name: "fault" },
        { name: "target" },
        { name: "planned", isNumber: true },
        { name: "struck", isNumber: true },
        { name: "lasted", isNumber: true },
        { name: "effective" },
        { name: "what shows it" },
      ],
      result.faults.map(({ plan, target, injectedMs, healedMs, effective, evidence }) => [
        plan.kind,
        target,
        formatTime(result.phases.faultsMs + plan.atMs, true),
        formatTime(injectedMs, true),
        formatDuration(healedMs - injectedMs),
        effective ? "yes" : markup`<span class="warn">no</span>`,
        evidence,
      ]),
    ),
  )

const fileLink = (file: string): Markup => markup`<li><a href="${addressOf(file)}">${file}</a></li>`

/** Relative whatever the name is, "http:" too. */
const addressOf = (file: string): string => `./${file.split("/").map(encodeURIComponent).join("/")}`
