/**
 * Which disk this broker is. A voter is (node id, disk uuid): what a disk that lost its whole log
 * voted for, and what it acknowledged, nobody can say, so it must not go on under the same uuid. It
 * comes back as a new one, which the others fill up and then let vote.
 */
import { beginLog, expectLog, LogGone, replaceIdentity } from "../../storage/index.ts"
import { formatDiskUuids, readBrokerJson, writeBrokerJson } from "./broker-json.ts"
import type { BrokerConfig } from "./config.ts"
import { checkIdentity } from "./identity.ts"
import type { Log } from "./log.ts"

/** Only with the folder's lock. Throws a plain line when the folder must not be used. */
export function ownDisk(config: BrokerConfig, log: Log): string {
  const diskUuid = checkIdentity(config)
  try {
    expectLog(config.dir)
    return diskUuid
  } catch (error) {
    if (!(error instanceof LogGone)) throw error
    return renewDisk(config, diskUuid, log)
  }
}

/**
 * The log comes last: a crash before it leaves a disk without one, which is renewed again. The
 * other way round, an empty log would vote under the old uuid.
 */
function renewDisk(config: BrokerConfig, gone: string, log: Log): string {
  const { dir, nodeId, filePath, diskUuids } = config
  if (!config.peers.some((peer) => peer.nodeId !== nodeId)) {
    throw new Error(
      `${dir} has had a log and has none, and no other broker has a copy of it: ` +
        "bring it back from a backup, or remove the folder to begin anew with nothing",
    )
  }
  const diskUuid = crypto.randomUUID().replaceAll("-", "")
  const known = [...diskUuids, { nodeId, diskUuid }]
  writeBrokerJson(filePath, {
    ...readBrokerJson(filePath),
    "varve.disk.uuids": formatDiskUuids(known),
  })
  replaceIdentity(dir, diskUuid)
  beginLog(dir)
  log(
    "warn",
    `${dir} has had a log and has none: what disk ${gone} voted for is not known; ` +
      `this broker comes back as the new disk ${diskUuid} and is filled up by the others`,
  )
  return diskUuid
}
