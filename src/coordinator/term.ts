/** What lives as long as this broker leads the partition in one term, and what it works on. */
import type { Groups } from "./groups.ts"
import type { OpenRequests } from "./open-requests.ts"
import type { Operations } from "./operations.ts"
import type { CoordinatorHost } from "./ports.ts"
import type { Timers } from "./timers.ts"

export interface CoordinatorTerm {
  readonly host: CoordinatorHost
  readonly groups: Groups
  readonly operations: Operations
  readonly timers: Timers
  readonly requests: OpenRequests
}
