// What a scenario gets: the broker, a name that is its own (topic and group), and the clients.
'use strict'

const { Kafka, logLevel } = require('kafkajs')

const FIRST_TIME = 1_700_000_000_000
const DEADLINE_MS = 40_000

class Cell {
  constructor(bootstrap, name, variant) {
    this.name = name
    this.variant = variant
    const clientId = 'the-member'
    this.kafka = new Kafka({ clientId, brokers: [bootstrap], logLevel: logLevel.WARN })
  }

  consumer(more = {}) {
    return this.kafka.consumer({
      groupId: this.name,
      sessionTimeout: 10_000,
      heartbeatInterval: 200,
      maxWaitTimeInMs: 100,
      ...more,
    })
  }

  // Calls the function with a client for administration.
  async admin(use) {
    const admin = this.kafka.admin()
    await admin.connect()
    try {
      return await use(admin)
    } finally {
      await admin.disconnect()
    }
  }

  // Whether the topic was created.
  createTopic(numPartitions) {
    // Records are kept however old their timestamps are.
    const configEntries = [{ name: 'retention.ms', value: '-1' }]
    const topics = [{ topic: this.name, numPartitions, replicationFactor: 1, configEntries }]
    return this.admin((admin) => admin.createTopics({ topics }))
  }

  // Calls the function with a connected producer.
  async producer(settings, use) {
    const producer = this.kafka.producer(settings)
    await producer.connect()
    try {
      return await use(producer)
    } finally {
      await producer.disconnect()
    }
  }

  // value-0, value-1, ... into partition 0, a second apart.
  async fill(count) {
    await this.producer({}, (producer) =>
      producer.send({ topic: this.name, messages: filling(0, count) }),
    )
  }

  // A consumer of the group that has begun to call the function with each message.
  async run(take, settings = {}, runSettings = {}) {
    const consumer = this.consumer(settings)
    await consumer.connect()
    await consumer.subscribe({ topics: [this.name], fromBeginning: true })
    await consumer.run({ ...runSettings, eachMessage: async (message) => take(message) })
    return consumer
  }
}

function filling(from, count) {
  return Array.from({ length: count }, (_, i) => ({
    value: `value-${from + i}`,
    partition: 0,
    timestamp: String(FIRST_TIME + 1000 * (from + i)),
  }))
}

async function until(what, condition) {
  const end = Date.now() + DEADLINE_MS
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${DEADLINE_MS} ms in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

module.exports = { Cell, FIRST_TIME, filling, until }
