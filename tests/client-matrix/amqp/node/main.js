// amqplib: runs one scenario and prints what it saw as JSON.
'use strict'

const { Cell } = require('./cell.js')

const scenarios = {
  ...require('./messages.js'),
  ...require('./consuming.js'),
  ...require('./topology.js'),
}

async function main() {
  const given = {}
  for (let i = 2; i + 1 < process.argv.length; i += 2) given[process.argv[i]] = process.argv[i + 1]
  const cell = new Cell(given['--address'], given['--name'])
  const result = await scenarios[given['--scenario']](cell)
  await cell.close()
  process.stdout.write(JSON.stringify(result) + '\n')
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
