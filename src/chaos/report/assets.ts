/** Style sheet and program of the page, bundled into text that may stand in the page itself. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Assets } from "./page.ts"

/**
 * From the sources of this package, wherever this code itself runs from (a bundle, too). Rejects
 * when they are not there or do not build: a report without its plots would look like one that has
 * nothing to show.
 */
export async function loadAssets(): Promise<Assets> {
  const folder = join(packageRoot(), "src", "chaos", "report", "page")
  const plotCss = readFileSync(Bun.resolveSync("uplot/dist/uPlot.min.css", folder), "utf8")
  const ownCss = readFileSync(join(folder, "report.css"), "utf8")
  const script = await bundle(join(folder, "main.ts"))
  const hash = new Bun.CryptoHasher("sha256").update(script).digest("base64")
  return { css: `${plotCss}\n${ownCss}`, script, scriptHash: `sha256-${hash}` }
}

function packageRoot(): string {
  let folder = import.meta.dir
  while (!existsSync(join(folder, "src", "chaos", "report", "page", "main.ts"))) {
    const above = dirname(folder)
    if (above === folder) throw new Error("the sources of the report's page are missing")
    folder = above
  }
  return folder
}

async function bundle(entry: string): Promise<string> {
  const built = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    format: "iife",
    minify: true,
  })
  const [output] = built.outputs
  if (output === undefined) throw new Error(`${entry} does not build`)
  // The only text that could end the script element early.
  return (await output.text()).trim().replaceAll("</script", String.raw`<\/script`)
}
