import { defineApi, bytes, int16, int32, int64 } from "../schema.ts"

/** 2: flexible. */
export const renewDelegationToken = defineApi({
  key: 39,
  name: "RenewDelegationToken",
  versions: [1, 2],
  flexibleSince: 2,
  request: {
    hmac: bytes("0+"),
    renewPeriodMs: int64("0+"),
  },
  response: {
    errorCode: int16("0+"),
    expiryTimestampMs: int64("0+"),
    throttleTimeMs: int32("0+"),
  },
})
