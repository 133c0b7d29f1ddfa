// Members that share the work, and going on where the group had been.
'use strict'

const { PartitionAssigners } = require('kafkajs')
const { until } = require('./cell.js')

const PARTITIONS = 6
const PER_PARTITION = 10
const assigners = { roundrobin: PartitionAssigners.roundRobin }

// A member with what it was given; commits by itself, as by default.
class Member {
  async start(cell, read) {
    this.share = 0
    this.consumer = cell.consumer({ partitionAssigners: [assigners[cell.variant]] })
    this.consumer.on(this.consumer.events.GROUP_JOIN, ({ payload }) => {
      this.share = (payload.memberAssignment[cell.name] ?? []).length
    })
    await this.consumer.connect()
    await this.consumer.subscribe({ topics: [cell.name], fromBeginning: true })
    await this.consumer.run({
      eachMessage: async ({ message }) => void read.push(message.value.toString()),
    })
    return this
  }
}

async function group(cell) {
  await cell.createTopic(PARTITIONS)
  const read = []
  const shares = []

  const workOn = async (label, members) => {
    shares.push(members.map((member) => member.share).sort((a, b) => b - a))
    const messages = []
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (let i = 0; i < PER_PARTITION; i++) {
        messages.push({ partition, value: `${label}-${partition}-${i}` })
      }
    }
    await cell.producer({}, (producer) => producer.send({ topic: cell.name, messages }))
    await until(`the records of ${label}`, () => {
      const seen = new Set(read)
      return messages.every(({ value }) => seen.has(value))
    })
  }

  const first = await new Member().start(cell, read)
  await until('everything with one', () => first.share === PARTITIONS)
  await workOn('alone', [first])

  const second = await new Member().start(cell, read)
  await until('an even split', () => first.share === 3 && second.share === 3)
  await workOn('two', [first, second])

  await second.consumer.disconnect()
  await until('what the other had', () => first.share === PARTITIONS)
  await workOn('again', [first])
  await first.consumer.disconnect()

  const values = [...new Set(read)].sort()
  const offsets = await committed(cell)
  return {
    shares,
    revoked: null, // it tells of what is given, not of what is taken
    values,
    duplicates: read.length - values.length,
    committed: offsets.map(({ offset }) => Number(offset)),
  }
}

// The group's {partition, offset, metadata}, by partition.
async function committed(cell) {
  const [{ partitions }] = await cell.admin((admin) =>
    admin.fetchOffsets({ groupId: cell.name, topics: [cell.name] }),
  )
  return partitions.sort((a, b) => a.partition - b.partition)
}

async function resume(cell) {
  await cell.createTopic(1)
  await cell.fill(20)
  let seen = 0
  const first = await cell.run(() => seen++, {}, { autoCommit: false })
  await until('some records', () => seen >= 8)
  await first.commitOffsets([
    { topic: cell.name, partition: 0, offset: '8', metadata: 'a note' },
  ])
  await first.disconnect()

  const offsets = []
  const take = ({ message }) => offsets.push(Number(message.offset))
  const second = await cell.run(take, {}, { autoCommit: false })
  await until('the rest', () => offsets.length >= 12)
  await second.disconnect()
  const [{ offset, metadata }] = await committed(cell)
  return { offsets, committed: Number(offset), note: metadata }
}

module.exports = { group, resume }
