// Exchanges, bindings, queues of the server's naming, refusals; what keeps a connection.
'use strict'

const { setTimeout: pause } = require('timers/promises')
const { Inbox, consume, refusal, takeAll, text } = require('./cell.js')

async function topic(cell) {
  const channel = await cell.openConfirming()
  const exchange = cell.name + '-topic'
  const behind = cell.name + '-behind'
  await channel.assertExchange(exchange, 'topic', { durable: false })
  await channel.assertExchange(behind, 'fanout', { durable: false })
  await channel.bindExchange(behind, exchange, '#')
  const queues = ['orange', 'rabbits', 'everything']
  for (const queue of queues) await channel.assertQueue(`${cell.name}-${queue}`, { durable: false })
  await channel.bindQueue(cell.name + '-orange', exchange, '*.orange.*')
  await channel.bindQueue(cell.name + '-rabbits', exchange, '#.rabbit')
  await channel.bindQueue(cell.name + '-rabbits', exchange, 'lazy.#')
  await channel.bindQueue(cell.name + '-everything', behind, '')

  const send = (...keys) => {
    for (const key of keys) channel.publish(exchange, key, Buffer.from(key), { persistent: true })
    return channel.waitForConfirms()
  }
  await send('quick.orange.rabbit', 'lazy.orange.elephant', 'quick.brown.fox')
  await send('lazy', 'lazy.pink.rabbit', 'rabbit')
  const result = {}
  for (const queue of queues) result[queue] = await takeAll(channel, `${cell.name}-${queue}`)
  await channel.unbindQueue(cell.name + '-rabbits', exchange, 'lazy.#')
  await send('lazy.fox', 'tame.rabbit')
  result.unbound = await takeAll(channel, cell.name + '-rabbits')
  return result
}

async function headers(cell) {
  const channel = await cell.openConfirming()
  const exchange = cell.name + '-headers'
  await channel.assertExchange(exchange, 'headers', { durable: false })
  for (const match of ['all', 'any']) {
    await channel.assertQueue(`${cell.name}-${match}`, { durable: false })
    const wanted = { 'x-match': match, format: 'pdf', pages: 3 }
    await channel.bindQueue(`${cell.name}-${match}`, exchange, '', wanted)
  }
  const messages = {
    both: { format: 'pdf', pages: 3 },
    more: { format: 'pdf', pages: 3, colour: 'red' },
    pdf: { format: 'pdf' },
    pages: { format: 'zip', pages: 3 },
    none: { format: 'zip', pages: 4 },
  }
  for (const [body, marks] of Object.entries(messages)) {
    channel.publish(exchange, '', Buffer.from(body), { persistent: true, headers: marks })
  }
  await channel.waitForConfirms()
  return {
    all: await takeAll(channel, cell.name + '-all'),
    any: await takeAll(channel, cell.name + '-any'),
  }
}

async function serverNamed(cell) {
  const channel = await cell.open()
  const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true, durable: false })
  const look = async (from) => (await refusal(from, () => from.checkQueue(queue)))[0]
  const other = await look(await cell.open())
  const inbox = await consume(channel, queue, { noAck: true })
  channel.sendToQueue(queue, Buffer.from('hello'), { persistent: true })
  const body = text(await inbox.next())
  await channel.cancel(inbox.tag)
  return { queue, other, body, after: await look(channel) }
}

async function channelError(cell) {
  const connection = await cell.connect()
  const first = await connection.createChannel()
  await cell.declare(first)
  const missing = await refusal(first, () => first.checkQueue(cell.name + '-missing'))
  const second = await connection.createChannel()
  const differs = await refusal(second, () => second.assertQueue(cell.name, { durable: false }))
  const third = await connection.createConfirmChannel()
  cell.send(third, 'alive')
  await third.waitForConfirms()
  return { missing, differs, body: (await takeAll(third, cell.name))[0] }
}

async function heartbeat(cell) {
  const connection = await cell.connect('?heartbeat=1')
  const negotiated = connection.connection.heartbeat
  let alive = true
  connection.on('close', () => (alive = false))
  await pause(3500) // the silence is what is tested
  const channel = await connection.createChannel()
  await channel.assertQueue(cell.name, { exclusive: true })
  return { negotiated, alive }
}

async function recovery(cell) {
  const arrived = new Inbox()
  const routed = new Inbox()
  let channel
  // Called after every connect; the client itself recovers nothing but the connection.
  const setup = async (model) => {
    channel = await model.createConfirmChannel()
    await cell.declare(channel)
    await channel.assertQueue(cell.name + '-kept')
    await channel.assertExchange(cell.name + '-topic', 'topic', { durable: false })
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, cell.name + '-topic', 'a.*')
    await channel.consume(cell.name, (message) => message && arrived.add(message), { noAck: true })
    await channel.consume(queue, (message) => message && routed.add(message), { noAck: true })
  }
  const connection = await cell.connect('', { recovery: { setup, initialDelay: 100, factor: 1 } })
  channel.sendToQueue(cell.name + '-kept', Buffer.from('before'), { persistent: true })
  await channel.waitForConfirms()
  const back = new Inbox()
  connection.on('connect', () => back.add(true))
  console.log('kill the broker') // ../../drive.py does
  await back.next()
  cell.send(channel, 'after')
  channel.publish(cell.name + '-topic', 'a.b', Buffer.from('routed'), { persistent: true })
  await channel.waitForConfirms()
  return {
    kept: (await takeAll(channel, cell.name + '-kept'))[0],
    consumed: text(await arrived.next()),
    routed: text(await routed.next()),
  }
}

module.exports = {
  topic,
  headers,
  'server-named': serverNamed,
  'channel-error': channelError,
  heartbeat,
  recovery,
}
