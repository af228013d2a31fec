/** Broker settings of consumer groups and their offsets. */
import { configTable } from "./config-table.ts"

export const brokerGroupTable = configTable(`
group.initial.rebalance.delay.ms | int | 3000 | any | fixed
  How long the first rebalance of an empty group waits for further members.
group.min.session.timeout.ms | int | 6000 | any | fixed
  The shortest session a member of a classic group may ask for.
group.max.session.timeout.ms | int | 1800000 | any | fixed
  The longest session a member of a classic group may ask for.
group.max.size | int | 2147483647 | >=1 | fixed
  How many members a classic group has at most.
group.consumer.assignors | list | uniform,range | any | fixed
  How the broker shares partitions out; the first one where members do not say.
group.consumer.migration.policy | string | bidirectional | \
any-case DISABLED,DOWNGRADE,UPGRADE,BIDIRECTIONAL | fixed
  Whether groups may change their protocol while they are in use, and which way.
group.consumer.max.size | int | 2147483647 | >=1 | fixed
  How many members a consumer group has at most.
group.consumer.session.timeout.ms | int | 45000 | >=1 | fixed
  After which silence a member is gone.
group.consumer.min.session.timeout.ms | int | 45000 | >=1 | fixed
  The least that a group may have set for that.
group.consumer.max.session.timeout.ms | int | 60000 | >=1 | fixed
  The most that a group may have set for that.
group.consumer.heartbeat.interval.ms | int | 5000 | >=1 | fixed
  How often members are told to be heard.
group.consumer.min.heartbeat.interval.ms | int | 5000 | >=1 | fixed
  The least that a group may have set for that.
group.consumer.max.heartbeat.interval.ms | int | 15000 | >=1 | fixed
  The most that a group may have set for that.
group.consumer.assignment.interval.ms | int | 1000 | >=0 | cluster
  How long it is from one assignment to the next at least.
group.consumer.min.assignment.interval.ms | int | 0 | >=0 | fixed
  The least that a group may have set for that.
group.consumer.max.assignment.interval.ms | int | 15000 | >=0 | fixed
  The most that a group may have set for that.
offset.metadata.max.bytes | int | 4096 | any | fixed
  How much text a committed offset may carry.
offsets.retention.minutes | int | 10080 | >=1 | fixed
  How long offsets of a group without members are kept.
offsets.retention.check.interval.ms | long | 600000 | >=1 | fixed
  How often offsets are looked at for whether their time is over.
offsets.topic.num.partitions | int | 50 | >=1 | fixed
  How many partitions __consumer_offsets is made with.
offsets.topic.replication.factor | short | 3 | >=1 | fixed
  How many replicas __consumer_offsets is made with.
offsets.commit.timeout.ms | int | 5000 | >=1 | fixed
  How long a commit may wait for a majority.
offsets.topic.segment.bytes | int | 104857600 | >=1 | fixed
  The segment.bytes that __consumer_offsets is made with.
offsets.topic.compression.codec | int | 0 | any | fixed
  How commits are compressed: 0 not at all, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
= Without effect: coordinators run in the event loop and follow their logs all the time.
offsets.load.buffer.size | int | 5242880 | >=1 | fixed
  How much is read at once while a coordinator loads.
group.coordinator.append.linger.ms | int | -1 | >=-1 | fixed
  How long records of a coordinator are gathered.
group.coordinator.background.threads | int | 2 | >=1 | fixed
  Threads for long work of a coordinator.
group.coordinator.cached.buffer.max.bytes | int | 1048588 | >=524288 | cluster
  Memory a coordinator keeps for writing.
group.coordinator.threads | int | 4 | >=1 | fixed
  Threads that run coordinators.
= Without effect: groups are classic or consumer groups, as their members ask.
group.coordinator.rebalance.protocols | list | classic,consumer,streams | \
of consumer,classic,share,streams | fixed
  The protocols that groups may use.
= Without effect: there are no Streams groups.
group.streams.max.size | int | 2147483647 | >=1 | fixed
  How many members a Streams group has at most.
group.streams.num.standby.replicas | int | 0 | >=0 | fixed
  How many standby copies each task has.
group.streams.max.standby.replicas | int | 2 | >=0 | fixed
  The most that a group may have set for that.
group.streams.session.timeout.ms | int | 45000 | >=1 | fixed
  After which silence a member is gone.
group.streams.min.session.timeout.ms | int | 45000 | >=1 | fixed
  The least that a group may have set for that.
group.streams.max.session.timeout.ms | int | 60000 | >=1 | fixed
  The most that a group may have set for that.
group.streams.heartbeat.interval.ms | int | 5000 | >=1 | fixed
  How often members are told to be heard.
group.streams.min.heartbeat.interval.ms | int | 5000 | >=1 | fixed
  The least that a group may have set for that.
group.streams.max.heartbeat.interval.ms | int | 15000 | >=1 | fixed
  The most that a group may have set for that.
group.streams.assignment.interval.ms | int | 1000 | >=0 | cluster
  How long it is from one assignment to the next at least.
group.streams.min.assignment.interval.ms | int | 0 | >=0 | fixed
  The least that a group may have set for that.
group.streams.max.assignment.interval.ms | int | 15000 | >=0 | fixed
  The most that a group may have set for that.
group.streams.initial.rebalance.delay.ms | int | 3000 | >=0 | fixed
  How long the first assignment waits for further members.
`)
