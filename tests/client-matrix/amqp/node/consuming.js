// Taking messages, and what becomes of them.
'use strict'

const { Inbox, consume, text } = require('./cell.js')

async function prefetch(cell) {
  const channel = await cell.openConfirming()
  await cell.declare(channel)
  await cell.fill(channel, 20)
  await channel.prefetch(5)
  const inbox = await consume(channel, cell.name)
  let group = await inbox.several(5)
  const all = [...group]
  const ready = await cell.ready(channel)
  for (;;) {
    channel.ack(group[4], true)
    if (all.length === 20) break
    group = await inbox.several(5)
    all.push(...group)
  }
  const seen = all.map(text)
  return { first: seen.slice(0, 5), ready, all: seen, left: await cell.left(channel) }
}

async function requeue(cell) {
  const channel = await cell.open()
  await cell.declare(channel)
  cell.send(channel, 'a', 'b')
  await channel.prefetch(1)
  const inbox = await consume(channel, cell.name)
  const seen = []
  for (const settle of ['nack', 'ack', 'reject', 'ack']) {
    const message = await inbox.next()
    seen.push([text(message), message.fields.redelivered])
    if (settle === 'nack') channel.nack(message, false, true)
    else if (settle === 'reject') channel.reject(message, true)
    else channel.ack(message)
  }
  return { seen, left: await cell.left(channel) }
}

async function get(cell) {
  const channel = await cell.openConfirming()
  await cell.declare(channel)
  await cell.fill(channel, 3)
  const got = []
  for (let i = 0; i < 4; i++) {
    const message = await channel.get(cell.name)
    if (message) channel.ack(message)
    const { messageCount, redelivered } = message ? message.fields : {}
    got.push(message ? [text(message), messageCount, redelivered] : null)
  }
  return { got }
}

async function cancelNotify(cell) {
  const channel = await cell.open()
  await cell.declare(channel)
  const heard = new Inbox() // of null, which says that it was cancelled
  const told = (message) => heard.add(message === null ? 'the-consumer' : 'a message')
  await channel.consume(cell.name, told, { consumerTag: 'the-consumer' })
  const other = await cell.connections[0].createChannel()
  await other.deleteQueue(cell.name)
  return { cancelled: [await heard.next()] }
}

module.exports = { prefetch, requeue, get, 'cancel-notify': cancelNotify }
