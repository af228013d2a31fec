/** Where a snapshot's log begins, on a peer link. */
import { decodeConfiguration, encodeConfiguration } from "../../raft/configuration.ts"
import type { Configuration, LogCut } from "../../raft/types.ts"
import { PeerDecodeError } from "./bytes.ts"
import type { ByteReader, ByteWriter } from "./bytes.ts"

export const writeCut = (writer: ByteWriter, cut: LogCut): void => {
  writer.int64(cut.index)
  writer.int64(cut.term)
  writer.int64(cut.lastOffset)
  writer.int64(cut.appendMs)
  writer.int64(cut.configurationIndex)
  const configuration = cut.configuration === null ? none : encodeConfiguration(cut.configuration)
  writer.int32(configuration.length)
  writer.bytes(configuration)
}

/** Stands for the configuration with which the group was created. */
const none = new Uint8Array(0)

export const readCut = (reader: ByteReader): LogCut => {
  const index = reader.natural()
  const term = reader.natural()
  const lastOffset = reader.int64()
  const appendMs = reader.int64()
  const configurationIndex = reader.natural()
  const bytes = reader.slice(reader.int32())
  const configuration = bytes.length === 0 ? null : readConfiguration(bytes)
  return { index, term, lastOffset, appendMs, configuration, configurationIndex }
}

const readConfiguration = (bytes: Uint8Array): Configuration => {
  try {
    return decodeConfiguration(bytes)
  } catch (error) {
    throw new PeerDecodeError(`no configuration: ${String(error)}`)
  }
}
