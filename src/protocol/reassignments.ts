/** Both APIs of reassignments, where their own long names do not fit into a line. */
export { alterPartitionReassignments } from "./messages/alter-partition-reassignments.ts"
export { listPartitionReassignments } from "./messages/list-partition-reassignments.ts"
