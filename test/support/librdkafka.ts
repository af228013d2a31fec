import { parseAddress, RawConnection } from "../../scripts/harness/raw.ts"
import { apiVersions } from "../../src/protocol/messages/api-versions.ts"
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"

/**
 * Whether librdkafka compresses with LZ4 towards this broker: it takes FindCoordinator v0 for the
 * sign of a broker that knows LZ4, and sends such records uncompressed to any other. A cluster
 * without consumer groups does not advertise FindCoordinator.
 */
export async function librdkafkaSendsLz4(bootstrap: string): Promise<boolean> {
  const [address = ""] = bootstrap.split(",")
  const connection = await RawConnection.open(parseAddress(address))
  try {
    const { apiKeys } = await connection.request(apiVersions, 2, {})
    return apiKeys.some((api) => api.apiKey === findCoordinator.key && api.minVersion === 0)
  } finally {
    connection.close()
  }
}
