/** `--replica-assignment 0:1,1:2`: the brokers of each partition, preferred leader first. */

/** Throws with the sentences of Kafka's tool. */
export function parseReplicaAssignment(text: string): ReadonlyArray<ReadonlyArray<number>> {
  const partitions: number[][] = []
  for (const [index, list] of text.split(",").entries()) {
    const brokers = list.split(":").map((word) => parseBroker(word.trim()))
    const twice = brokers.filter((broker, i) => brokers.indexOf(broker) !== i)
    if (twice.length > 0) {
      const which = [...new Set(twice)].join(",")
      throw new Error(`Partition replica lists may not contain duplicate entries: ${which}`)
    }
    const first = partitions[0]
    if (first !== undefined && brokers.length !== first.length) {
      throw new Error(
        `Partition ${index} has different replication factor: [${brokers.join(", ")}]`,
      )
    }
    partitions.push(brokers)
  }
  return partitions
}

function parseBroker(word: string): number {
  const number = /^[+-]?\d{1,10}$/.test(word) ? Number(word) : Number.NaN
  if (number >= -(2 ** 31) && number < 2 ** 31) return number
  throw new Error(`For input string: "${word}"`)
}
