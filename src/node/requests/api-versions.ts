/**
 * ApiVersions (KIP-35, KIP-511). Its unknown versions are answered too, in the layout of version 0
 * (trap 2).
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { apiVersions } from "../../protocol/messages/api-versions.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { advertisedApis } from "../advertised.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

const apiKeys = advertisedApis.map(({ key, minVersion, maxVersion }) => ({
  apiKey: key,
  minVersion,
  maxVersion,
}))

/** For a version of ApiVersions that we do not have: encode it as version 0, whatever was asked. */
export const unsupportedApiVersions: ResponseInput<typeof apiVersions> = {
  errorCode: ErrorCode.UNSUPPORTED_VERSION,
  apiKeys: apiKeys.filter((api) => api.apiKey === 18),
}

export function handleApiVersions(
  request: RequestOf<typeof apiVersions>,
  context: RequestContext,
): Outcome {
  const named =
    softwarePattern.test(request.clientSoftwareName) &&
    softwarePattern.test(request.clientSoftwareVersion)
  if (context.apiVersion >= 3 && !named) {
    return answer({ errorCode: ErrorCode.INVALID_REQUEST } satisfies ResponseInput<
      typeof apiVersions
    >)
  }
  return answer({ apiKeys } satisfies ResponseInput<typeof apiVersions>)
}
