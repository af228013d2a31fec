/** Broker settings of logs: where they lie, how long they are kept, how they are compacted. */
import { configTable } from "./config-table.ts"

export const brokerLogTable = configTable(`
log.cleanup.policy | list | delete | of compact,delete | cluster
  What becomes of old records of topics that do not say: delete, compact, or both.
log.retention.ms | long | - | any | cluster
  How long records are kept, in ms; -1: without end. Stands before log.retention.minutes and
  log.retention.hours.
log.retention.minutes | int | - | any | fixed
  How long records are kept, in minutes, where log.retention.ms is not set.
log.retention.hours | int | 168 | any | fixed
  How long records are kept, in hours, where neither ms nor minutes are set.
log.retention.bytes | long | -1 | any | cluster
  How large a partition may grow before its oldest records go; -1: without limit.
log.retention.check.interval.ms | long | 300000 | >=1 | fixed
  How often logs are looked at for records whose time is over; more than ten seconds counts as ten.
log.segment.bytes | int | 1073741824 | >=1048576 | cluster
  The size of a segment: compaction leaves the last one alone. Retention goes batch by batch.
log.roll.ms | long | - | any | cluster
  After how long a new segment begins, in ms. Stands before log.roll.hours.
log.roll.hours | int | 168 | >=1 | fixed
  After how long a new segment begins, in hours, where log.roll.ms is not set.
log.segment.delete.delay.ms | long | 60000 | >=0 | cluster
  How long what was deleted may stay on disk. It goes sooner.
log.cleaner.enable | boolean | true | any | fixed
  Whether compaction runs.
log.cleaner.backoff.ms | long | 15000 | >=0 | cluster
  How long it is from one look for something to compact to the next.
log.cleaner.delete.retention.ms | long | 86400000 | >=0 | cluster
  How long compaction keeps the marks of deleted keys.
log.cleaner.min.cleanable.ratio | double | 0.5 | 0..1 | cluster
  Compaction begins when so much of a log, 0 to 1, has not been compacted.
log.cleaner.min.compaction.lag.ms | long | 0 | >=0 | cluster
  Records younger than this are not compacted.
log.cleaner.max.compaction.lag.ms | long | 9223372036854775807 | >=1 | cluster
  Records older than this are compacted, whatever the ratio.
log.cleaner.dedupe.buffer.size | long | 134217728 | any | cluster
  Memory, in bytes, for the keys of one round of compaction.
log.message.timestamp.type | string | CreateTime | of CreateTime,LogAppendTime | cluster
  Whose time a record has: CreateTime, the producer's, or LogAppendTime, the broker's.
log.message.timestamp.before.max.ms | long | 9223372036854775807 | >=0 | cluster
  How far a record's time may lie before the broker's.
log.message.timestamp.after.max.ms | long | 3600000 | >=0 | cluster
  How far a record's time may lie after the broker's.
message.max.bytes | int | 1048588 | >=0 | cluster
  The largest batch of records taken, compressed as it comes.
min.insync.replicas | int | 1 | >=1 | cluster
  How many replicas in sync a write with acks=all needs at least.
log.dirs | list | - | any | fixed
  The folder with this broker's data. One only.
! log.dirs in broker.json says where the data lies
log.dir | list | /tmp/kafka-logs | any | fixed
  The folder with the data, where log.dirs is not set.
= Without effect: every write is on disk before it is acknowledged.
log.flush.interval.messages | long | 9223372036854775807 | >=1 | cluster
  After how many records a log is flushed to disk.
log.flush.interval.ms | long | - | any | cluster
  After how long a log is flushed to disk.
log.flush.scheduler.interval.ms | long | 9223372036854775807 | any | fixed
  How often logs are looked at for whether they are to be flushed.
log.flush.offset.checkpoint.interval.ms | int | 60000 | >=0 | fixed
  How often the point up to which logs were recovered is written down.
log.flush.start.offset.checkpoint.interval.ms | int | 60000 | >=0 | fixed
  How often the beginnings of the logs are written down.
= Without effect: all partitions of a broker share one log on disk, which has its own indexes.
log.index.interval.bytes | int | 4096 | >=0 | cluster
  How many bytes lie between two entries of an index.
log.index.size.max.bytes | int | 10485760 | >=4 | cluster
  The largest an index may be.
log.preallocate | boolean | false | any | cluster
  Whether new segments get their space at once.
log.roll.jitter.ms | long | - | any | cluster
  By how much, drawn by chance, a new segment comes earlier, in ms.
log.roll.jitter.hours | int | 0 | >=0 | fixed
  By how much, drawn by chance, a new segment comes earlier, in hours.
num.recovery.threads.per.data.dir | int | 2 | >=1 | cluster
  Threads that recover logs at start.
num.replica.alter.log.dirs.threads | int | - | any | fixed
  Threads that move replicas from disk to disk.
log.dir.failure.timeout.ms | long | 30000 | >=1 | fixed
  How long a broker goes on that cannot report a failed disk.
cordoned.log.dirs | list | "" | any | cluster
  Folders that take no new replicas.
= Without effect: compaction paces itself by the event loop.
log.cleaner.threads | int | 1 | >=0 | cluster
  Threads that compact.
log.cleaner.io.buffer.size | int | 524288 | >=0 | cluster
  Memory for reading and writing while compacting.
log.cleaner.io.buffer.load.factor | double | 0.9 | any | cluster
  How full the memory for keys may get.
log.cleaner.io.max.bytes.per.second | double | 1.7976931348623157E308 | any | cluster
  How much compaction reads and writes per second at most.
= Without effect: batches are stored as they were sent.
compression.type | string | producer | of uncompressed,zstd,lz4,snappy,gzip,producer | cluster
  With which codec topics that do not say are compressed; producer: as they come.
compression.gzip.level | int | -1 | 1..9 or -1 | cluster
  The level of gzip.
compression.lz4.level | int | 9 | 1..17 | cluster
  The level of lz4.
compression.zstd.level | int | 3 | -131072..22 | cluster
  The level of zstd.
= Without effect: there is no tiered storage.
log.local.retention.ms | long | -2 | >=-2 | cluster
  How long records are kept here once they are in the remote tier; -2: as log.retention.ms.
log.local.retention.bytes | long | -2 | >=-2 | cluster
  How many bytes are kept here once they are in the remote tier; -2: as log.retention.bytes.
`)
