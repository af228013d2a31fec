/**
 * Configs of topics (resource type 2). Where Kafka's order (inKafkaOrder) leaves two of them equal,
 * they stand here as in its own definition.
 */
import { configTable } from "./config-table.ts"

export const topicTable = configTable(`
= Without effect: all partitions of a broker share one log on disk, which has its own indexes.
index.interval.bytes | int | 4096 | >=0
  How many bytes lie between two entries of an index.
preallocate | boolean | false | any
  Whether new segments get their space at once.
segment.index.bytes | int | 10485760 | >=4
  The largest an index may be.
segment.jitter.ms | long | 0 | >=0
  By how much, drawn by chance, a new segment comes earlier.
=
cleanup.policy | list | delete | of compact,delete
  What becomes of old records: delete them, compact them (keep the last of each key), both, or,
  empty, nothing.
segment.bytes | int | 1073741824 | >=1048576
  The size of a segment: compaction leaves the last one alone. Retention goes batch by batch.
segment.ms | long | 604800000 | >=1
  After how long a new segment begins: see segment.bytes.
retention.ms | long | 604800000 | >=-1
  How long records are kept; -1: without end.
retention.bytes | long | -1 | any
  How large a partition may grow before its oldest records go; -1: without limit.
min.cleanable.dirty.ratio | double | 0.5 | 0..1
  Compaction begins when so much of a log, 0 to 1, has not been compacted.
min.compaction.lag.ms | long | 0 | >=0
  Records younger than this are not compacted.
max.compaction.lag.ms | long | 9223372036854775807 | >=1
  Records older than this are compacted, whatever min.cleanable.dirty.ratio says.
delete.retention.ms | long | 86400000 | >=0
  How long compaction keeps the marks of deleted keys.
file.delete.delay.ms | long | 60000 | >=0
  How long what was deleted may stay on disk. It goes sooner.
max.message.bytes | int | 1048588 | >=0
  The largest batch of records taken, compressed as it comes.
min.insync.replicas | int | 1 | >=1
  How many replicas in sync a write with acks=all needs at least.
message.timestamp.type | string | CreateTime | of CreateTime,LogAppendTime
  Whose time a record has: CreateTime, the producer's, or LogAppendTime, the broker's.
message.timestamp.before.max.ms | long | 9223372036854775807 | >=0
  How far a record's time may lie before the broker's.
message.timestamp.after.max.ms | long | 3600000 | >=0
  How far a record's time may lie after the broker's.
= Without effect: every write is on disk before it is acknowledged.
flush.messages | long | 9223372036854775807 | >=1
  After how many records the log is flushed to disk.
flush.ms | long | 9223372036854775807 | >=0
  After how long the log is flushed to disk.
= Without effect: batches are stored as they were sent.
compression.type | string | producer | of uncompressed,zstd,lz4,snappy,gzip,producer
  The codec of the topic; producer: as records come.
compression.gzip.level | int | -1 | 1..9 or -1
  The level of gzip.
compression.lz4.level | int | 9 | 1..17
  The level of lz4.
compression.zstd.level | int | 3 | -131072..22
  The level of zstd.
= Without effect: there are no quotas on replication.
follower.replication.throttled.replicas | list | "" | throttled-replicas
  Replicas whose fetching is slowed down, as partition:broker, or *.
leader.replication.throttled.replicas | list | "" | throttled-replicas
  Replicas whose being fetched is slowed down, as partition:broker, or *.
= Without effect: replicas that lack committed records never lead; Raft's log check forbids it.
unclean.leader.election.enable | boolean | false | any
  Whether a replica out of sync may lead when no other one is left.
= Without effect: there is no tiered storage.
local.retention.bytes | long | -2 | >=-2
  How many bytes are kept here once they are in the remote tier; -2: as retention.bytes.
local.retention.ms | long | -2 | >=-2
  How long records are kept here once they are in the remote tier; -2: as retention.ms.
remote.log.copy.disable | boolean | false | any
  Whether nothing further goes to the remote tier.
remote.log.delete.on.disable | boolean | false | any
  Whether leaving the remote tier deletes what is there.
remote.storage.enable | boolean | false | any
  Whether old parts go to a remote tier. True is refused.
`)
