import { defineApi, array, int16, string } from "../schema.ts"

/**
 * Chooses a SASL mechanism. After version 0 the tokens follow as bare frames, after version 1 in
 * SaslAuthenticate. Never flexible: old clients do not negotiate it.
 */
export const saslHandshake = defineApi({
  key: 17,
  name: "SaslHandshake",
  versions: [0, 1],
  flexibleSince: undefined,
  request: {
    mechanism: string("0+"),
  },
  response: {
    errorCode: int16("0+"),
    mechanisms: array("0+", "string"),
  },
})
