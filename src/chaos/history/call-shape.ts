/** What each call of a history's line must look like: somebody else may have written the file. */
import type { Call } from "./history.ts"

type Shape = (value: unknown) => boolean

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
const fields =
  (shapes: Readonly<Record<string, Shape>>): Shape =>
  (value) =>
    typeof value === "object" && value !== null && wrongField(shapes, value, true) === undefined
const producer: Shape = (value) =>
  value === null || fields({ id: number, epoch: number, baseSequence: number })(value)
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
}

function wrongField(
  wanted: Readonly<Record<string, Shape>>,
  value: object,
  isWhole: boolean,
): string | undefined {
  const given: Readonly<Record<string, unknown>> = { ...value }
  return Object.keys(wanted).find((field) => {
    if (given[field] === undefined) return isWhole
    return wanted[field]?.(given[field]) === false
  })
}

const isKind = (f: unknown): f is Call["f"] => typeof f === "string" && Object.hasOwn(shapes, f)

/** Why it is no call (of kind `f`, where that is given: then fields may be left out), in a few words. */
export function wrongCall(call: unknown, f?: Call["f"]): string | undefined {
  if (typeof call !== "object" || call === null) return "it has no call"
  const named = "f" in call ? call.f : f
  if (!isKind(named)) return "no such call is known"
  if (f !== undefined && named !== f) return `it answers ${f} with ${named}`
  const wrong = wrongField(shapes[named], call, f === undefined)
  return wrong === undefined ? undefined : `${named}: ${wrong} is missing or wrong`
}
