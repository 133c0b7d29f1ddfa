// kafkajs: runs one scenario and prints what it saw as JSON.
'use strict'

const { Cell } = require('./cell.js')

// By the part of the name before the colon; what follows it is the variant.
const scenarios = {
  ...require('./records.js'),
  ...require('./groups.js'),
  ...require('./offsets.js'),
  ...require('./administration.js'),
}

async function main() {
  const given = {}
  for (let i = 2; i + 1 < process.argv.length; i += 2) given[process.argv[i]] = process.argv[i + 1]
  const [kind, variant] = given['--scenario'].split(':')
  const cell = new Cell(given['--bootstrap'], given['--name'], variant)
  const result = await scenarios[kind](cell)
  process.stdout.write(JSON.stringify(result) + '\n')
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
