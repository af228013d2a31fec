import { alterConfigs } from "../../../src/protocol/messages/alter-configs.ts"
import { describeConfigs } from "../../../src/protocol/messages/describe-configs.ts"
import { incrementalAlterConfigs } from "../../../src/protocol/messages/incremental-alter-configs.ts"
import { listConfigResources } from "../../../src/protocol/messages/list-config-resources.ts"
import type { Asker } from "../asker.ts"
import { topicLedBy0 } from "./topics-of-our-own.ts"

const [topic, broker, brokerLogger, group] = [2, 4, 8, 32]

interface Change {
  readonly name: string
  readonly value?: string | null
  /** 0 set, 1 delete, 2 append, 3 subtract. */
  readonly configOperation?: number
}

const of = (resourceType: number, resourceName: string, configs: ReadonlyArray<Change>) => ({
  resourceType,
  resourceName,
  configs,
})

const set = (name: string, value: string | null) => [{ name, value, configOperation: 0 }]

export async function askConfigs(asker: Asker): Promise<void> {
  await topicLedBy0(asker, "c-one", { "retention.ms": "777" })
  await askDescriptions(asker)
  await askChanges(asker)
  await askOtherResources(asker)
  await askReplacements(asker)
}

type Alter = (
  resources: ReadonlyArray<ReturnType<typeof of>>,
  note: string,
  more?: object,
) => Promise<void>

const altering =
  (asker: Asker): Alter =>
  (resources, note, more = {}) =>
    asker.every(incrementalAlterConfigs, { resources, ...more }, note)

async function askChanges(asker: Asker): Promise<void> {
  const alter = altering(asker)
  await alter([of(topic, "c-one", set("retention.ms", "888"))], "validate only", {
    validateOnly: true,
  })
  await alter(
    [
      of(topic, "c-one", set("retention.ms", "888")),
      of(topic, "c-one", set("retention.ms", "889")),
    ],
    "the same resource twice",
  )
  await alter(
    [of(topic, "c-one", [...set("retention.ms", "888"), ...set("retention.ms", "889")])],
    "the same config twice",
  )
  await alter(
    [of(topic, "c-one", [{ name: "retention.ms", value: "1", configOperation: 9 }])],
    "an unknown operation",
  )
  await alter(
    [of(topic, "c-one", [{ name: "retention.bytes", value: null, configOperation: 1 }])],
    "delete what was not set",
  )
  await alter(
    [of(topic, "c-one", [{ name: "cleanup.policy", value: "shred", configOperation: 2 }])],
    "append a bad one",
  )
  await alter(
    [of(topic, "c-one", [{ name: "cleanup.policy", value: "delete", configOperation: 2 }])],
    "append what is there",
  )
  await alter(
    [of(topic, "c-one", [{ name: "cleanup.policy", value: "delete", configOperation: 3 }])],
    "subtract the last one",
  )
  await alter([of(topic, "c-one", set("cleanup.policy", ""))], "an empty list")
  await alter([of(topic, "c-one", [])], "no configs")
  await alter([], "no resources")
  await alter([of(topic, "a b", set("retention.ms", "1"))], "a bad topic name")
  await alter([of(topic, "", set("retention.ms", "1"))], "an empty topic name")
  await alter(
    [
      of(topic, "c-one", set("retention.ms", "999")),
      of(topic, "c-nobody", set("retention.ms", "1")),
    ],
    "one good, one unknown",
  )
}

async function askOtherResources(asker: Asker): Promise<void> {
  const alter = altering(asker)
  await alter([of(broker, "9", set("log.retention.ms", "1"))], "an unknown broker")
  await alter([of(broker, "x", set("log.retention.ms", "1"))], "a broker that is no number")
  await alter([of(broker, "", set("no.such", "1"))], "unknown, all brokers")
  await alter([of(broker, "", set("message.max.bytes", "many"))], "bad value, all brokers")
  await alter(
    [of(broker, "", [{ name: "log.retention.ms", value: null, configOperation: 1 }])],
    "delete, all brokers",
  )
  await alter([of(brokerLogger, "0", set("kafka", "DEBUG"))], "a logger")
  await alter([of(group, "c-group", set("consumer.session.timeout.ms", "1"))], "a group, too short")
  await alter([of(group, "c-group", set("no.such", "1"))], "a group, unknown")
  await alter(
    [of(group, "", set("consumer.session.timeout.ms", "46000"))],
    "a group without a name",
  )
  await alter(
    [of(group, "c-group", set("consumer.heartbeat.interval.ms", "6000"))],
    "a group, good",
  )
  await alter([of(99, "x", set("a", "1"))], "an unknown kind of resource")
}

async function askReplacements(asker: Asker): Promise<void> {
  const replace = (
    resources: ReadonlyArray<ReturnType<typeof of>>,
    note: string,
    more: object = {},
  ) => asker.every(alterConfigs, { resources, ...more }, note)
  await replace([of(topic, "c-one", [{ name: "no.such", value: "1" }])], "unknown key")
  await replace([of(topic, "c-one", [{ name: "retention.ms", value: "soon" }])], "bad value")
  await replace([of(topic, "c-one", [{ name: "retention.ms", value: null }])], "null value")
  await replace([of(topic, "c-nobody", [])], "unknown topic")
  await replace([of(topic, "c-one", [])], "validate only: nothing left", { validateOnly: true })
  await replace([of(topic, "c-one", []), of(topic, "c-one", [])], "the same twice")
  await replace([of(topic, "c-one", [])], "nothing left")
  const listed = (resourceTypes: ReadonlyArray<number>, note: string) =>
    asker.every(listConfigResources, (version) => (version === 0 ? {} : { resourceTypes }), note)
  await listed([99], "an unknown type")
  await listed([group], "groups")
  await listed([brokerLogger], "loggers")
}

async function askDescriptions(asker: Asker): Promise<void> {
  const described = (
    resourceType: number,
    resourceName: string,
    configurationKeys: ReadonlyArray<string> | null,
    note: string,
  ) =>
    asker.every(
      describeConfigs,
      { resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms: true },
      note,
    )
  await described(
    topic,
    "c-one",
    ["retention.ms", "cleanup.policy", "no.such"],
    "set, default, unknown",
  )
  await described(topic, "c-one", [], "no keys")
  await described(topic, "", null, "an empty topic name")
  await described(topic, "a b", null, "a bad topic name")
  await described(
    topic,
    "__consumer_offsets",
    ["cleanup.policy", "segment.bytes", "compression.type"],
    "an internal topic",
  )
  await described(
    broker,
    "0",
    [
      "log.retention.hours",
      "log.retention.ms",
      "message.max.bytes",
      "compression.type",
      "log.cleanup.policy",
      "no.such",
    ],
    "six keys of a broker",
  )
  await described(broker, "", null, "all brokers")
  await described(broker, "x", null, "a broker that is no number")
  await described(brokerLogger, "9", null, "loggers of another broker")
  await described(group, "c-group", null, "a group that is not there")
  await described(group, "", null, "a group without a name")
  await described(99, "x", null, "an unknown kind of resource")
  await asker.every(describeConfigs, { resources: [] }, "nothing")
  await asker.every(
    describeConfigs,
    {
      resources: [0, 1].map(() => ({
        resourceType: topic,
        resourceName: "c-one",
        configurationKeys: ["retention.ms"],
      })),
    },
    "the same twice",
  )
}
