/** Style sheet and program of the page, bundled into text that may stand in the page itself. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Assets } from "./page.ts"

/**
 * From the sources of this package, wherever this code itself runs from (a bundle, too). Where they
 * do not build, the report goes without plots and says why: a long run must not end without a
 * report because of its looks.
 */
export async function loadAssets(load: () => Promise<Loaded> = loadSources): Promise<Assets> {
  try {
    const { css, script } = await load()
    return { css, script, scriptHash: hashOf(script), failure: undefined }
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    return { css: "", script: "", scriptHash: hashOf(""), failure }
  }
}

type Loaded = Pick<Assets, "css" | "script">

async function loadSources(): Promise<Loaded> {
  const folder = join(packageRoot(), "src", "chaos", "report", "page")
  const plotCss = readFileSync(Bun.resolveSync("uplot/dist/uPlot.min.css", folder), "utf8")
  const ownCss = readFileSync(join(folder, "report.css"), "utf8")
  const program = await bundle(join(folder, "main.ts"))
  return { css: `${plotCss}\n${ownCss}`, script: `${licenceOf(folder)}\n${program}` }
}

/** Every report is a copy of uPlot, and must carry its licence. */
function licenceOf(folder: string): string {
  const plot = dirname(Bun.resolveSync("uplot/package.json", folder))
  return `/*! uPlot\n${readFileSync(join(plot, "LICENSE"), "utf8").trim()}\n*/`
}

const hashOf = (script: string): string =>
  `sha256-${new Bun.CryptoHasher("sha256").update(script).digest("base64")}`

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
