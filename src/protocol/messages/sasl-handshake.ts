import { defineApi, array, int16, string } from "../schema.ts"

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
