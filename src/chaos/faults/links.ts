/** Links under trouble, and how their counters rose since. */
import { linkName } from "../network.ts"
import type { Link, LinkCounters, LinkTrouble, Network } from "../network.ts"

export const isPeerLink = ({ from }: Link): boolean => from !== "clients"

/** Links by which brokers of `from` dial those of `to`. */
export function linksBetween(
  { links }: Network,
  from: ReadonlyArray<number>,
  to: ReadonlyArray<number>,
): ReadonlyArray<Link> {
  return links.filter(
    (link) =>
      link.from !== "clients" &&
      link.from !== link.to &&
      from.includes(link.from) &&
      to.includes(link.to),
  )
}

/** Both ways. */
export const linksAcross = (
  network: Network,
  some: ReadonlyArray<number>,
  others: ReadonlyArray<number>,
): ReadonlyArray<Link> => [
  ...linksBetween(network, some, others),
  ...linksBetween(network, others, some),
]

export const clientLinksTo = ({ links }: Network, to: ReadonlyArray<number>): ReadonlyArray<Link> =>
  links.filter((link) => link.from === "clients" && to.includes(link.to))

export type CounterName = keyof LinkCounters

/** What rises on a link that is cut, whichever way. */
export const blocked: ReadonlyArray<CounterName> = [
  "refused",
  "resets",
  "droppedBytes",
  "delayedBytes",
  "droppedFrames",
  "heldFrames",
]

/** Links that are watched from a moment on. */
export class Watched {
  readonly links: ReadonlyArray<Link>
  private readonly network: Network
  private readonly before: ReadonlyArray<LinkCounters>

  constructor(network: Network, links: ReadonlyArray<Link>) {
    this.network = network
    this.links = links
    this.before = links.map((link) => ({ ...network.counters(link) }))
  }

  trouble(trouble: LinkTrouble): void {
    for (const link of this.links) this.network.trouble(link, trouble)
  }

  heal(): void {
    for (const link of this.links) this.network.heal(link)
  }

  /** Of all links and all these counters together. */
  rose(...names: ReadonlyArray<CounterName>): number {
    return this.links.reduce((sum, link) => sum + this.roseOn(link, names), 0)
  }

  /** Links on which none of these counters rose. */
  unmoved(names: ReadonlyArray<CounterName>): ReadonlyArray<Link> {
    return this.links.filter((link) => this.roseOn(link, names) === 0)
  }

  private roseOn(link: Link, names: ReadonlyArray<CounterName>): number {
    const before = this.before[this.links.indexOf(link)]
    const now = this.network.counters(link)
    return names.reduce((sum, name) => sum + now[name] - (before?.[name] ?? 0), 0)
  }
}

/** "0→1, 1→0"; of many only the first few. */
export function linksText(links: ReadonlyArray<Link>): string {
  const shown = links.slice(0, 6).map(linkName).join(", ")
  return links.length > 6 ? `${shown} and ${links.length - 6} more` : shown
}
