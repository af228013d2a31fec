import { defineApi, array, int16, int32, string } from "../schema.ts"

/** The groups that a broker coordinates. 3: flexible · 4: states · 5: types. */
export const listGroups = defineApi({
  key: 16,
  name: "ListGroups",
  versions: [0, 5],
  flexibleSince: 3,
  request: {
    statesFilter: array("4+", "string"),
    typesFilter: array("5+", "string"),
  },
  response: {
    throttleTimeMs: int32("1+", { ignorable: true }),
    errorCode: int16("0+"),
    groups: array("0+", {
      groupId: string("0+"),
      protocolType: string("0+"),
      groupState: string("4+", { ignorable: true }),
      groupType: string("5+", { ignorable: true }),
    }),
  },
})
