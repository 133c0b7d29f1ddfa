// Publishing, messages that come back as they went, dead letters.
'use strict'

const { createHash } = require('crypto')
const { Inbox, consume, text } = require('./cell.js')

const MOMENT = 1_700_000_000

const HEADERS = {
  t: true,
  b: -5,
  B: { '!': 'uint8', value: 250 },
  s: -300,
  u: { '!': 'uint16', value: 65_000 },
  I: -70_000,
  i: { '!': 'uint32', value: 4_000_000_000 },
  l: 2 ** 40,
  f: { '!': 'float', value: 1.5 },
  d: 0.1,
  D: { '!': 'decimal', value: { places: 2, digits: 12345 } },
  S: 'grün',
  A: ['a', 7, true],
  T: { '!': 'timestamp', value: MOMENT },
  F: { deep: { x: 'y' } },
  V: null,
  x: Buffer.from([0, 0xff, 0x10]),
}

// The kind of a value and the value as JSON can say it.
function told(value) {
  if (value === null) return ['null', null]
  if (typeof value !== 'object') return [typeof value, value]
  if (Buffer.isBuffer(value)) return ['Buffer', value.toString('hex')]
  if (value['!'] === 'decimal') {
    const { places, digits } = value.value
    return ['decimal', (digits / 10 ** places).toFixed(places)]
  }
  if (value['!']) return [value['!'], value.value]
  return [value.constructor.name, value]
}

async function properties(cell) {
  const channel = await cell.openConfirming()
  await cell.declare(channel)
  channel.sendToQueue(cell.name, Buffer.from('the body'), {
    headers: HEADERS,
    contentType: 'text/plain',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 5,
    correlationId: 'the correlation',
    replyTo: 'the reply queue',
    expiration: '600000',
    messageId: 'the message',
    timestamp: MOMENT,
    type: 'the type',
    userId: 'guest',
    appId: 'the application',
  })
  await channel.waitForConfirms()
  const found = await channel.get(cell.name, { noAck: true })
  const came = found.properties
  return {
    body: text(found),
    exchange: found.fields.exchange,
    key: found.fields.routingKey,
    headers: Object.fromEntries(
      Object.entries(came.headers).map(([name, value]) => [name, told(value)]),
    ),
    properties: {
      content_type: came.contentType,
      content_encoding: came.contentEncoding,
      delivery_mode: came.deliveryMode,
      priority: came.priority,
      correlation_id: came.correlationId,
      reply_to: came.replyTo,
      expiration: came.expiration,
      message_id: came.messageId,
      timestamp: came.timestamp,
      type: came.type,
      user_id: came.userId,
      app_id: came.appId,
    },
  }
}

async function publish(cell) {
  const channel = await cell.openConfirming()
  await cell.declare(channel)
  let confirmed = 0
  const count = (error) => {
    if (!error) confirmed++
  }
  for (let i = 0; i < 200; i++) {
    channel.sendToQueue(cell.name, Buffer.from(`m-${i}`), { persistent: true }, count)
  }
  await channel.waitForConfirms()
  const ready = await cell.ready(channel)
  const inbox = await consume(channel, cell.name, { noAck: true })
  return { confirmed, ready, bodies: (await inbox.several(200)).map(text) }
}

async function mandatory(cell) {
  const channel = await cell.openConfirming()
  const order = []
  const returned = new Inbox()
  channel.on('return', (message) => {
    order.push('return')
    returned.add(message)
  })
  const options = { persistent: true, mandatory: true }
  channel.publish('amq.direct', cell.name, Buffer.from('unroutable'), options, () =>
    order.push('confirm'),
  )
  await channel.waitForConfirms()
  const message = await returned.next()
  const { replyCode, replyText, exchange, routingKey } = message.fields
  return { returned: [replyCode, replyText, exchange, routingKey, text(message)], order }
}

async function big(cell) {
  const channel = await cell.openConfirming()
  await cell.declare(channel)
  const body = Buffer.alloc(5 * 1024 * 1024)
  for (let i = 0; i < body.length; i++) body[i] = i & 0xff
  channel.sendToQueue(cell.name, body, { persistent: true })
  await channel.waitForConfirms()
  const { content } = await channel.get(cell.name, { noAck: true })
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
}

// A channel with a queue whose dead letters go to another.
async function openDying(cell) {
  const channel = await cell.openConfirming()
  await channel.assertExchange(cell.name + '-dlx', 'direct')
  await channel.assertQueue(cell.name + '-dead')
  await channel.bindQueue(cell.name + '-dead', cell.name + '-dlx', 'dead')
  await cell.declare(channel, {
    deadLetterExchange: cell.name + '-dlx',
    deadLetterRoutingKey: 'dead',
  })
  return channel
}

function sendKept(cell, channel, body, expiration) {
  const options = { persistent: true, headers: { kept: 'a header' }, expiration }
  channel.sendToQueue(cell.name, Buffer.from(body), options)
}

function death(message) {
  const { headers } = message.properties
  const [{ time, ...newest }, ...older] = headers['x-death']
  return {
    body: text(message),
    exchange: message.fields.exchange,
    key: message.fields.routingKey,
    kept: headers.kept,
    deaths: [newest, ...older],
    first: ['reason', 'queue', 'exchange'].map((what) => headers['x-first-death-' + what]),
    minutes: Math.trunc((Date.now() / 1000 - time.value) / 60),
  }
}

async function deadLetter(cell) {
  const channel = await openDying(cell)
  sendKept(cell, channel, 'spoiled')
  channel.reject(await (await consume(channel, cell.name)).next(), false)
  return death(await (await consume(channel, cell.name + '-dead', { noAck: true })).next())
}

async function ttl(cell) {
  const channel = await openDying(cell)
  sendKept(cell, channel, 'spoiled', '50')
  sendKept(cell, channel, 'lives', '600000')
  const message = await (await consume(channel, cell.name + '-dead', { noAck: true })).next()
  const expiration = message.properties.expiration ?? null
  return { ...death(message), expiration, ready: await cell.ready(channel) }
}

module.exports = { properties, publish, mandatory, big, 'dead-letter': deadLetter, ttl }
