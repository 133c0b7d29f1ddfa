// Records there and back.
'use strict'

const { FIRST_TIME, filling, until } = require('./cell.js')
const codecs = require('./codecs.js')

const COUNT = 100

async function codec(cell) {
  await cell.createTopic(2)
  const messages = Array.from({ length: COUNT }, (_, i) => ({
    key: i % 10 === 3 ? null : `key-${i}`,
    value: i % 10 === 7 ? null : `value-${i}-${'abcdefgh'.repeat(20)}`,
    partition: i % 2,
    timestamp: String(FIRST_TIME + 1000 * i),
    headers: { n: [String(i), 'again'], empty: '' },
  }))
  await cell.producer({}, (producer) =>
    producer.send({ topic: cell.name, compression: codecs[cell.variant], messages }),
  )
  const records = []
  const consumer = await cell.run((message) => records.push(described(message)))
  await until('all records', () => records.length >= COUNT)
  await consumer.disconnect()
  return { records }
}

const text = (buffer) => (buffer === null ? null : buffer.toString())

function described({ partition, message }) {
  const headers = Object.entries(message.headers).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, text(value)]),
  )
  return {
    partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: text(message.key),
    value: text(message.value),
    headers,
  }
}

async function idempotent(cell) {
  await cell.createTopic(1)
  const [batches, size] = [10, 50]
  const offsets = []
  await cell.producer({ idempotent: true, maxInFlightRequests: 1 }, async (producer) => {
    for (let batch = 0; batch < batches; batch++) {
      const messages = filling(batch * size, size)
      const [answer] = await producer.send({ topic: cell.name, messages })
      for (let i = 0; i < size; i++) offsets.push(Number(answer.baseOffset) + i)
    }
  })
  const values = []
  const consumer = await cell.run(({ message }) => values.push(text(message.value)))
  await until('all records', () => values.length >= batches * size)
  await consumer.disconnect()
  return { offsets, values }
}

module.exports = { codec, idempotent }
