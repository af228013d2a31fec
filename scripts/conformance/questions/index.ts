/** Every file of questions, in the order in which they are put. */
import type { Questions } from "../asker.ts"
import { askAdmin } from "./admin.ts"
import { askClassicGroups } from "./classic-groups.ts"
import { askCommittedOffsets } from "./committed-offsets.ts"
import { askConfigs } from "./configs.ts"
import { askConsumerGroups } from "./consumer-groups.ts"
import { askFetch } from "./fetch.ts"
import { askProduce } from "./produce.ts"
import { askTopics } from "./topics.ts"

export const allQuestions: ReadonlyArray<Questions> = [
  askProduce,
  askFetch,
  askTopics,
  askClassicGroups,
  askCommittedOffsets,
  askConsumerGroups,
  askAdmin,
  askConfigs,
]
