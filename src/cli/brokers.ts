/** `varve brokers`: who is in the cluster. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { describeCluster } from "../protocol/messages/describe-cluster.ts"
import { connectionFlags, formatTable, print, printJson, withClient } from "./client-effect.ts"

export const brokersCommand = Command.make(
  "brokers",
  connectionFlags,
  Effect.fn("brokers")(function* ({ bootstrap, json }) {
    const answer = yield* withClient(bootstrap, (client) => client.ask(describeCluster, {}))
    const brokers = answer.brokers
      .map((b) => ({ id: b.brokerId, host: b.host, port: b.port, rack: b.rack }))
      .sort((a, b) => a.id - b.id)
    const rows = brokers.map((b) => [b.id, `${b.host}:${b.port}`, b.rack ?? "-"])
    yield* json
      ? printJson({ clusterId: answer.clusterId, brokers })
      : print(`cluster ${answer.clusterId}\n${formatTable(["ID", "ADDRESS", "RACK"], rows)}`)
  }),
).pipe(Command.withDescription("List the live brokers of a cluster"))
