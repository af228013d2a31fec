import { Kafka } from "kafkajs"

process.env["KAFKAJS_NO_PARTITIONER_WARNING"] = "1"
const [bootstrap = "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094", count = "40"] =
  process.argv.slice(2)
const kafka = new Kafka({ clientId: "first-minute", brokers: bootstrap.split(",") })
const producer = kafka.producer({ idempotent: true })
await producer.connect()
for (let i = 1; i <= Number(count); i++) {
  const messages = [{ key: `user-${i % 3}`, value: `hello ${i}` }]
  const [placed] = await producer.send({ topic: "greetings", acks: -1, messages })
  console.log(`hello ${i} is safe: partition ${placed?.partition}, offset ${placed?.baseOffset}`)
  await Bun.sleep(250)
}
await producer.disconnect()
