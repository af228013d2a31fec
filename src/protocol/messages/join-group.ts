import { defineApi, array, bool, bytes, int16, int32, string } from "../schema.ts"

/**
 * Enters a group of the classic protocol; answered when the members of the generation are known.
 * 1: rebalance timeout · 4: MEMBER_ID_REQUIRED · 5: static members · 6: flexible · 7: protocol
 * type · 8: reason · 9: the leader may skip the assignment.
 */
export const joinGroup = defineApi({
  key: 11,
  name: "JoinGroup",
  versions: [0, 9],
  flexibleSince: 6,
  request: {
    groupId: string("0+"),
    sessionTimeoutMs: int32("0+"),
    rebalanceTimeoutMs: int32("1+", { default: -1, ignorable: true }),
    memberId: string("0+"),
    groupInstanceId: string("5+", { nullable: "5+", default: null }),
    protocolType: string("0+"),
    protocols: array("0+", {
      name: string("0+"),
      // Opaque: the subscription, for the leader's assignor.
      metadata: bytes("0+"),
    }),
    reason: string("8+", { nullable: "8+", default: null, ignorable: true }),
  },
  response: {
    throttleTimeMs: int32("2+", { ignorable: true }),
    errorCode: int16("0+"),
    generationId: int32("0+", { default: -1 }),
    protocolType: string("7+", { nullable: "7+", default: null, ignorable: true }),
    protocolName: string("0+", { nullable: "7+" }),
    leader: string("0+"),
    skipAssignment: bool("9+"),
    memberId: string("0+"),
    // Of the leader's answer alone.
    members: array("0+", {
      memberId: string("0+"),
      groupInstanceId: string("5+", { nullable: "5+", default: null, ignorable: true }),
      metadata: bytes("0+"),
    }),
  },
})
