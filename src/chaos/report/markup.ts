/** HTML and SVG as text in which only what this folder wrote is markup: all else is escaped. */

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

type Part = Markup | string | number | undefined | ReadonlyArray<Part>

/**
 * A template: what is put in is text, unless it is markup itself; `undefined` is nothing. Line ends
 * of the template and the indentation after them are its layout alone, and left out.
 */
export const markup = (texts: TemplateStringsArray, ...parts: ReadonlyArray<Part>): Markup =>
  new Markup(texts.map((text, i) => text.replace(/\n\s*/g, "") + partText(parts[i])).join(""))

function partText(part: Part): string {
  if (part === undefined) return ""
  if (part instanceof Markup) return part.text
  if (typeof part === "object") return part.map(partText).join("")
  return escapeMarkup(`${part}`)
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}

/** For text and for quoted attributes; control characters, which XML forbids, become "�". */
export const escapeMarkup = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
    // oxlint-disable-next-line no-control-regex -- these are what it is about
    .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/g, "\uFFFD")

export const nothing = new Markup("")

/** JSON that may stand inside a script element, whatever its strings hold. */
export const jsonForScript = (value: unknown): Markup =>
  new Markup(JSON.stringify(value).replaceAll("<", String.raw`\u003c`))
