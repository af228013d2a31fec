/** Broker settings of topics, replication and leadership. */
import { configTable } from "./config-table.ts"

export const brokerTopicTable = configTable(`
num.partitions | int | 1 | >=1 | fixed
  How many partitions a topic gets that does not say.
default.replication.factor | int | 1 | any | fixed
  How many replicas a topic gets that does not say.
auto.create.topics.enable | boolean | true | any | fixed
  Whether asking for a topic makes it.
delete.topic.enable | boolean | true | any | fixed
  Whether topics can be deleted.
auto.leader.rebalance.enable | boolean | true | any | fixed
  Whether leadership goes back to preferred leaders by itself.
replica.lag.time.max.ms | long | 30000 | any | fixed
  A follower that has not caught up for so long is out of sync.
producer.id.expiration.ms | int | 86400000 | >=1 | cluster
  A producer that writes nothing for so long is forgotten.
= Without effect: replicas that lack committed records never lead; Raft's log check forbids it.
unclean.leader.election.enable | boolean | false | any | cluster
  Whether a replica out of sync may lead when no other one is left.
= Without effect: leadership goes back within a second.
leader.imbalance.check.interval.seconds | long | 300 | >=1 | fixed
  How often the balance of leaders is looked at.
controlled.shutdown.enable | boolean | true | any | fixed
  Whether a stopping broker hands its leaderships over; varve's always does.
= Without effect: replicas are kept by Raft, which pushes.
num.replica.fetchers | int | 1 | >=1 | cluster
  Threads that fetch from each leader.
replica.fetch.backoff.ms | int | 1000 | >=0 | fixed
  How long a fetcher waits after an error.
replica.fetch.max.bytes | int | 1048576 | >=0 | fixed
  How much of one partition a follower fetches at once.
replica.fetch.min.bytes | int | 1 | any | fixed
  How much must be there before it is answered.
replica.fetch.response.max.bytes | int | 10485760 | >=0 | fixed
  How much one answer holds.
replica.fetch.wait.max.ms | int | 500 | any | fixed
  How long it waits for that.
replica.high.watermark.checkpoint.interval.ms | long | 5000 | any | fixed
  How often high watermarks are written down; here they are in the log.
replica.socket.receive.buffer.bytes | int | 65536 | any | fixed
  The buffer of a fetcher's socket.
replica.socket.timeout.ms | int | 30000 | any | fixed
  How long a fetcher waits for an answer.
`)
