// Finding a place in a partition, by offset and by time.
'use strict'

const { FIRST_TIME, until } = require('./cell.js')

const COUNT = 50

async function seekOffset(cell) {
  await cell.createTopic(1)
  await cell.fill(COUNT)
  const found = []
  let taken = () => false // a message of another place may be on its way when a seek begins
  const consumer = await cell.run(({ message }) => {
    const offset = Number(message.offset)
    if (taken(offset)) found.push([offset, message.value.toString()])
  })
  for (const [offset, belongs] of [[42, () => true], [7, (at) => at < 42]]) {
    const before = found.length
    taken = (at) => found.length === before && belongs(at)
    consumer.seek({ topic: cell.name, partition: 0, offset: String(offset) })
    await until(`a record at ${offset}`, () => found.length > before)
  }
  await consumer.disconnect()
  return { found }
}

async function seekTime(cell) {
  await cell.createTopic(1)
  await cell.fill(COUNT)
  const offsets = []
  await cell.admin(async (admin) => {
    for (const after of [30_000, 30_001, -1, 1_000_000_000]) {
      const [answer] = await admin.fetchTopicOffsetsByTimestamp(cell.name, FIRST_TIME + after)
      offsets.push(Number(answer.offset))
    }
  })
  let first = null
  const consumer = await cell.run(({ message }) => (first ??= message.value.toString()))
  consumer.seek({ topic: cell.name, partition: 0, offset: String(offsets[0]) })
  await until('a record', () => first !== null)
  await consumer.disconnect()
  return { offsets, first }
}

async function listOffsets(cell) {
  await cell.createTopic(2)
  await cell.fill(COUNT)
  const listed = await cell.admin((admin) => admin.fetchTopicOffsets(cell.name))
  listed.sort((a, b) => a.partition - b.partition)
  return {
    earliest: listed.map(({ low }) => Number(low)),
    latest: listed.map(({ high }) => Number(high)),
  }
}

module.exports = { 'seek-offset': seekOffset, 'seek-time': seekTime, 'list-offsets': listOffsets }
