/**
 * A TCP proxy in this process with a port for every directed link of a cluster. It needs no root
 * and no kernel module; what it cannot do is lose packets, for TCP would mend that before anybody
 * sees it.
 */
import { linkName } from "../network.ts"
import type { Link, LinkCounters, LinkTrouble, Network } from "../network.ts"
import { LinkListener } from "./link-listener.ts"
import { LinkState } from "./link-state.ts"
import type { LinkPlace } from "./link-state.ts"
import type { WireTap } from "./wire-tap.ts"

export class ChaosProxy implements Network {
  readonly links: ReadonlyArray<Link>
  private readonly listeners: ReadonlyMap<string, LinkListener>
  private nextConnection = 1

  /** Listens nowhere yet. `seed`: of which frames are troubled. */
  constructor(places: ReadonlyArray<LinkPlace>, seed: number, tap?: WireTap) {
    const nextId = () => this.nextConnection++
    this.links = places.map(({ link }) => link)
    this.listeners = new Map(
      places.map((place) => [
        linkName(place.link),
        new LinkListener(new LinkState(place, seed, tap), nextId),
      ]),
    )
  }

  /** Links to that broker take connections from now on. Throws when a port is taken. */
  targetUp(node: number): void {
    for (const listener of this.to(node)) listener.listen()
  }

  /**
   * Links to that broker refuse connections, as a machine does on which nobody listens; those there
   * are end as the broker ended them.
   */
  targetDown(node: number): void {
    for (const listener of this.to(node)) listener.stopListening()
  }

  trouble(link: Link, trouble: LinkTrouble): void {
    this.listener(link).trouble(trouble)
  }

  heal(link: Link): void {
    this.listener(link).trouble({})
  }

  healAll(): void {
    for (const listener of this.listeners.values()) listener.trouble({})
  }

  reset(link: Link): number {
    return this.listener(link).reset()
  }

  counters(link: Link): LinkCounters {
    return { ...this.listener(link).state.counters }
  }

  /** Connections under way. */
  connectionsOf(link: Link): number {
    return this.listener(link).open
  }

  dispose(): void {
    for (const listener of this.listeners.values()) {
      listener.stopListening()
      listener.reset()
    }
  }

  private listener(link: Link): LinkListener {
    const listener = this.listeners.get(linkName(link))
    if (listener === undefined) throw new RangeError(`there is no link ${linkName(link)}`)
    return listener
  }

  private to(node: number): ReadonlyArray<LinkListener> {
    return [...this.listeners.values()].filter(({ state }) => state.place.link.to === node)
  }
}
