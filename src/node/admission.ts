/**
 * Whether somebody who says Hello is one of us. A refusal is one clear line for the log of the
 * broker that refuses.
 */
import type { MetadataImage } from "../cluster/image.ts"
import type { PeerState } from "./liveness.ts"
import type { Hello, NodeOptions } from "./ports.ts"

export type Admission =
  | { readonly _tag: "ok" }
  | { readonly _tag: "refused"; readonly reason: string }

const refused = (reason: string): Admission => ({ _tag: "refused", reason })

/**
 * A known node id with a disk nobody has seen is a replaced disk: welcome, as a learner (DESIGN
 * §5), but not beside a living broker of that id. `peer`: what was heard of that node so far, by
 * whatever link.
 */
export function admit(
  options: NodeOptions,
  image: MetadataImage,
  nodeId: number,
  hello: Hello,
  peer: PeerState | undefined,
): Admission {
  const name = `broker ${hello.nodeId}`
  if (hello.clusterId !== options.clusterId) {
    return refused(`${name} is of cluster ${hello.clusterId}, this is ${options.clusterId}`)
  }
  if (hello.nodeId !== nodeId) return refused(`expected broker ${nodeId}, it is ${name}`)
  if (peer === undefined) return refused(`${name} is not a peer of this broker`)
  const owner = ownerOf(options, image, hello.diskUuid)
  if (owner !== undefined && owner !== nodeId) {
    return refused(`${name} speaks from disk ${hello.diskUuid}, which is broker ${owner}'s`)
  }
  const otherDiskLives =
    peer.diskUuid !== "" && peer.diskUuid !== hello.diskUuid && peer.heard && !peer.suspected
  if (otherDiskLives) {
    return refused(`${name} speaks from disk ${hello.diskUuid} while it lives on ${peer.diskUuid}`)
  }
  return { _tag: "ok" }
}

function ownerOf(options: NodeOptions, image: MetadataImage, diskUuid: string): number | undefined {
  if (diskUuid === options.diskUuid) return options.nodeId
  const founder = options.founders.find((known) => known.diskUuid === diskUuid)
  if (founder !== undefined) return founder.nodeId
  const peer = options.peers.find((known) => known.diskUuids.includes(diskUuid))
  if (peer !== undefined) return peer.nodeId
  for (const broker of image.brokers.values()) if (broker.diskUuid === diskUuid) return broker.id
  return undefined
}
