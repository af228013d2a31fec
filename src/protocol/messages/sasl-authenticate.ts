import { defineApi, bytes, int16, int64, string } from "../schema.ts"

/** One token of a SASL exchange. 1: lifetime of the session · 2: flexible. */
export const saslAuthenticate = defineApi({
  key: 36,
  name: "SaslAuthenticate",
  versions: [0, 2],
  flexibleSince: 2,
  request: {
    authBytes: bytes("0+"),
  },
  response: {
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+" }),
    authBytes: bytes("0+"),
    // 0: without end.
    sessionLifetimeMs: int64("1+", { ignorable: true }),
  },
})
