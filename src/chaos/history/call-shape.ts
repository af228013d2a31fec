/** What each call of a history's line must look like: somebody else may have written the file. */
import type { Call } from "./history.ts"

type Shape = (value: unknown) => boolean
type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null

const text: Shape = (value) => typeof value === "string"
const number: Shape = (value) => typeof value === "number" && Number.isFinite(value)
const truth: Shape = (value) => typeof value === "boolean"
const listOf =
  (shape: Shape): Shape =>
  (value) =>
    Array.isArray(value) && value.every(shape)
const texts = listOf(text)
const records = listOf(
  (value) =>
    Array.isArray(value) &&
    typeof value[0] === "number" &&
    typeof value[1] === "string" &&
    typeof value[2] === "number",
)
const fields = (wanted: Readonly<Record<string, Shape>>): Shape => {
  const entries = Object.entries(wanted)
  return (value) => isObject(value) && wrongField(entries, value, true) === undefined
}
const producerFields = fields({ id: number, epoch: number, baseSequence: number })
const producer: Shape = (value) => value === null || producerFields(value)
const topics = listOf(
  fields({
    name: text,
    id: text,
    partitions: listOf(fields({ leader: number, epoch: number })),
  }),
)

const topicCall = { topic: text, topicId: text, partitions: number }

/** Fields that every call of the kind has; more are left as they are. */
const shapes: Readonly<Record<Call["f"], Readonly<Record<string, Shape>>>> = {
  append: { partition: text, values: texts, acks: number, producer, offset: number },
  poll: {
    partition: text,
    from: number,
    records,
    highWatermark: number,
    logStartOffset: number,
  },
  list: { partition: text, at: number, offset: number },
  epochEnd: { partition: text, epoch: number, endOffset: number },
  remove: { partition: text, offset: number, lowWatermark: number },
  metadata: { topics, missing: texts },
  create: topicCall,
  delete: topicCall,
  grow: topicCall,
  reassign: topicCall,
  configure: { topic: text, topicId: text, key: text, value: text },
  describe: { topic: text, fresh: truth, exists: truth },
  drain: { partition: text, records, highWatermark: number, logStartOffset: number },
  join: { group: text, member: text, generation: number },
  assign: { group: text, member: text, generation: number, partitions: texts, protocol: text },
  heartbeat: { group: text, member: text, generation: number },
  release: { group: text, member: text, partitions: texts },
  commit: {
    group: text,
    partition: text,
    offset: number,
    tag: text,
    member: text,
    generation: number,
  },
  committed: { group: text, partition: text, offset: number, tag: text },
  process: { group: text, partition: text, offset: number, value: text, key: text },
}

function wrongField(
  wanted: ReadonlyArray<readonly [string, Shape]>,
  value: Fields,
  isWhole: boolean,
): string | undefined {
  for (const [field, shape] of wanted) {
    const given = value[field]
    if (given === undefined ? isWhole : !shape(given)) return field
  }
  return undefined
}

const fieldsOf = new Map(Object.entries(shapes).map(([f, wanted]) => [f, Object.entries(wanted)]))

/** Why it is no call (of kind `f`, where that is given: then fields may be left out), in a few words. */
export function wrongCall(call: unknown, f?: Call["f"]): string | undefined {
  if (!isObject(call)) return "it has no call"
  const named = call["f"] ?? f
  if (typeof named !== "string") return "its call has no f"
  const wanted = fieldsOf.get(named)
  if (wanted === undefined) return `no call ${named} is known`
  if (f !== undefined && named !== f) return `it answers ${f} with ${named}`
  const wrong = wrongField(wanted, call, f === undefined)
  return wrong === undefined ? undefined : `${named}: ${wrong} is missing or wrong`
}
