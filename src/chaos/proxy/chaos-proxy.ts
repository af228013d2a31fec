/**
 * A TCP proxy in this process with ports for every directed link of a cluster. It needs no root and
 * no kernel module; what it cannot do is lose packets, for TCP would mend that before anybody sees
 * it.
 */
import type { Endpoint } from "../cluster.ts"
import { linkName } from "../network.ts"
import type { Link, LinkCounters, LinkTrouble, Network } from "../network.ts"
import { Door } from "./door.ts"
import { ProxiedLink } from "./proxied-link.ts"
import type { LinkSpec } from "./proxied-link.ts"
import type { WireTap } from "./wire-tap.ts"

export interface DoorSpec {
  readonly listen: Endpoint
  readonly target: Endpoint
  /** Of the broker that it leads to. */
  readonly to: number
  /**
   * Who comes in: clients, one broker, or whichever broker the client id of the first request names
   * (undefined: none, and the connection is reset). A broker that dials itself is on no link, and
   * never troubled.
   */
  readonly from: number | "clients" | ((clientId: string) => number | undefined)
}

export interface ProxyOptions {
  readonly links: ReadonlyArray<LinkSpec>
  readonly doors: ReadonlyArray<DoorSpec>
  /** Of which frames and responses are troubled. */
  readonly seed: number
  readonly tap?: WireTap | undefined
}

export class ChaosProxy implements Network {
  readonly links: ReadonlyArray<Link>
  private readonly byName: ReadonlyMap<string, ProxiedLink>
  private readonly doors: ReadonlyArray<{ readonly to: number; readonly door: Door }>
  private nextConnection = 1

  /** Listens nowhere yet. */
  constructor({ links, doors, seed, tap }: ProxyOptions) {
    this.links = links.map(({ link }) => link)
    this.byName = new Map(
      links.map((spec) => [linkName(spec.link), new ProxiedLink(spec, seed, tap)]),
    )
    this.doors = doors.map((spec) => ({ to: spec.to, door: this.doorOf(spec, seed) }))
  }

  /** Doors to that broker take connections from now on. Throws when a port is taken. */
  targetUp(node: number): void {
    for (const { to, door } of this.doors) if (to === node) door.open()
  }

  /**
   * Doors to that broker refuse connections, as a machine does on which nobody listens; those there
   * are end as the broker ended them.
   */
  targetDown(node: number): void {
    for (const { to, door } of this.doors) if (to === node) door.close()
  }

  trouble(link: Link, trouble: LinkTrouble): void {
    this.of(link).suffer(trouble)
  }

  heal(link: Link): void {
    this.of(link).suffer({})
  }

  healAll(): void {
    for (const link of this.byName.values()) link.suffer({})
  }

  reset(link: Link): number {
    return this.of(link).reset()
  }

  counters(link: Link): LinkCounters {
    return { ...this.of(link).counters }
  }

  /** Connections under way. */
  connectionsOf(link: Link): number {
    return this.of(link).open
  }

  dispose(): void {
    for (const { door } of this.doors) door.close()
    for (const link of this.byName.values()) link.reset()
  }

  private of(link: Link): ProxiedLink {
    const found = this.byName.get(linkName(link))
    if (found === undefined) throw new RangeError(`there is no link ${linkName(link)}`)
    return found
  }

  private doorOf({ listen, target, to, from }: DoorSpec, seed: number): Door {
    const nextId = () => this.nextConnection++
    if (typeof from !== "function") {
      const entrance = { _tag: "one" as const, link: this.of({ from, to }) }
      return new Door({ listen, target, entrance, nextId })
    }
    const ofItself = new ProxiedLink({ link: { from: to, to }, protocol: "kafka" }, seed, undefined)
    const linkOf = (clientId: string): ProxiedLink | undefined => {
      const caller = from(clientId)
      if (caller === undefined) return undefined
      return caller === to ? ofItself : this.byName.get(linkName({ from: caller, to }))
    }
    return new Door({ listen, target, entrance: { _tag: "by-caller", linkOf }, nextId })
  }
}
