// What a scenario gets: a name of its own, connections, and a queue of that name.
'use strict'

const amqplib = require('amqplib')

const PATIENCE_MS = 40_000

class Cell {
  constructor(address, name) {
    this.url = `amqp://guest:guest@${address}/`
    this.name = name
    this.connections = []
  }

  async connect(query = '', options = {}) {
    const connection = await amqplib.connect(this.url + query, options)
    connection.on('error', (error) => console.error(error))
    this.connections.push(connection)
    return connection
  }

  // A channel of a connection of its own.
  async open() {
    return (await this.connect()).createChannel()
  }

  // The same, where publishes are confirmed.
  async openConfirming() {
    return (await this.connect()).createConfirmChannel()
  }

  declare(channel, options = {}) {
    return channel.assertQueue(this.name, { durable: true, ...options })
  }

  async ready(channel) {
    return (await channel.checkQueue(this.name)).messageCount
  }

  // Messages in the queue, once this channel holds none any more.
  async left(channel) {
    await channel.close()
    return this.ready(await this.open())
  }

  send(channel, ...texts) {
    for (const text of texts) channel.sendToQueue(this.name, Buffer.from(text), { persistent: true })
  }

  async fill(channel, count) {
    for (let i = 0; i < count; i++) this.send(channel, `m-${i}`)
    await channel.waitForConfirms()
  }

  async close() {
    for (const connection of this.connections) await connection.close()
  }
}

// What arrives one after the other: `add` it, and `next` awaits it.
class Inbox {
  constructor() {
    this.arrived = []
    this.waiting = []
  }

  add(message) {
    const waiter = this.waiting.shift()
    if (waiter) waiter(message)
    else this.arrived.push(message)
  }

  next() {
    if (this.arrived.length) return this.arrived.shift()
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('waited in vain')), PATIENCE_MS)
      this.waiting.push((message) => {
        clearTimeout(late)
        resolve(message)
      })
    })
  }

  async several(count) {
    const found = []
    while (found.length < count) found.push(await this.next())
    return found
  }
}

async function consume(channel, queue, options = {}) {
  const inbox = new Inbox()
  const answer = await channel.consume(queue, (message) => inbox.add(message), options)
  inbox.tag = answer.consumerTag
  return inbox
}

// Code and text that the channel is closed with.
async function refusal(channel, call) {
  const closed = new Promise((resolve) => channel.once('error', resolve))
  await call().then(
    () => {
      throw new Error('no refusal')
    },
    () => {},
  )
  const error = await closed
  return [error.code, /"(.*)"/.exec(error.message)[1]]
}

const text = (message) => message.content.toString()

// The bodies of all messages that are ready.
async function takeAll(channel, queue) {
  const found = []
  for (let message; (message = await channel.get(queue, { noAck: true })); ) found.push(text(message))
  return found
}

module.exports = { Cell, Inbox, consume, refusal, takeAll, text }
