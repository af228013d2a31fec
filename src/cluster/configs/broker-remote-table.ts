/** Broker settings of tiered storage, which varve does not have. */
import { configTable } from "./config-table.ts"

export const brokerRemoteTable = configTable(`
! tiered storage is not there
remote.log.storage.system.enable | boolean | false | any | fixed
  Whether old parts of logs go to a remote tier.
= Without effect: there is no tiered storage.
remote.log.storage.manager.class.name | string | - | non-empty | fixed
  The class that stores in the remote tier.
remote.log.storage.manager.class.path | string | - | any | fixed
  Where that class is.
remote.log.storage.manager.impl.prefix | string | rsm.config. | non-empty | fixed
  How the names of its own settings begin.
remote.log.metadata.manager.class.name | string | \
org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager | \
non-empty | fixed
  The class that remembers what lies in the remote tier.
remote.log.metadata.manager.class.path | string | - | any | fixed
  Where that class is.
remote.log.metadata.manager.impl.prefix | string | rlmm.config. | non-empty | fixed
  How the names of its own settings begin.
remote.log.metadata.manager.listener.name | string | - | non-empty | fixed
  The listener by which it reaches the brokers.
remote.log.metadata.custom.metadata.max.bytes | int | 128 | >=0 | fixed
  The most bytes a storage manager may remember of a segment.
remote.log.index.file.cache.total.size.bytes | long | 1073741824 | >=1 | cluster
  Space for indexes fetched from the remote tier.
remote.log.manager.thread.pool.size | int | 2 | >=1 | fixed
  Threads that schedule the work of the remote tier.
remote.log.manager.copier.thread.pool.size | int | 10 | >=1 | cluster
  Threads that copy segments.
remote.log.manager.expiration.thread.pool.size | int | 10 | >=1 | cluster
  Threads that delete what is too old.
remote.log.manager.follower.thread.pool.size | int | 2 | >=1 | cluster
  Threads of followers.
remote.log.manager.task.interval.ms | long | 30000 | >=1 | fixed
  How often there is something to copy or delete.
remote.log.manager.copy.max.bytes.per.second | long | 9223372036854775807 | >=1 | cluster
  How much is copied per second at most.
remote.log.manager.copy.quota.window.num | int | 11 | >=1 | fixed
  Over how many windows the copying is measured.
remote.log.manager.copy.quota.window.size.seconds | int | 1 | >=1 | fixed
  How long one of these windows is.
remote.log.manager.fetch.max.bytes.per.second | long | 9223372036854775807 | >=1 | cluster
  How much is fetched per second at most.
remote.log.manager.fetch.quota.window.num | int | 11 | >=1 | fixed
  Over how many windows the fetching is measured.
remote.log.manager.fetch.quota.window.size.seconds | int | 1 | >=1 | fixed
  How long one of these windows is.
remote.log.reader.threads | int | 10 | >=1 | cluster
  Threads that read from the remote tier.
remote.log.reader.max.pending.tasks | int | 100 | >=1 | fixed
  How many reads may wait for them.
remote.fetch.max.wait.ms | int | 500 | >=1 | cluster
  How long a Fetch waits for the remote tier.
remote.list.offsets.request.timeout.ms | long | 30000 | >=1 | cluster
  How long a look-up by time waits for the remote tier.
follower.fetch.last.tiered.offset.enable | boolean | false | any | cluster
  Whether new followers begin where the remote tier ends.
`)
