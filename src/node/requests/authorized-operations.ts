/**
 * Bit sets of KIP-430. Without an authorizer everybody may do everything; the bits are those Kafka
 * 4.3.1 answers.
 */

/** READ WRITE CREATE DELETE ALTER DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS. */
export const topicOperations = 3576
/**
 * CREATE ALTER DESCRIBE CLUSTER_ACTION DESCRIBE_CONFIGS ALTER_CONFIGS IDEMPOTENT_WRITE and token
 * operations.
 */
export const clusterOperations = 8096
/** Integer.MIN_VALUE. */
export const operationsNotAsked = -0x80000000
/** READ DELETE DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS. */
export const groupOperations = 3400
