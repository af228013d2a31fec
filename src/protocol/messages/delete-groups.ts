import { defineApi, array, int16, int32, string } from "../schema.ts"

/** 2: flexible. */
export const deleteGroups = defineApi({
  key: 42,
  name: "DeleteGroups",
  versions: [0, 2],
  flexibleSince: 2,
  request: {
    groupsNames: array("0+", "string"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    results: array("0+", {
      groupId: string("0+"),
      errorCode: int16("0+"),
    }),
  },
})
