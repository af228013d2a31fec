/** Tells which majority rule this thread has loaded. */
import { majorityReached } from "../../raft/quorum.ts"

postMessage(majorityReached([1, 2, 3], (voter) => voter))
