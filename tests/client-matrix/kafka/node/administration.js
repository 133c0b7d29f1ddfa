// Topics, the cluster and groups as tools see them.
'use strict'

const { AssignerProtocol, ConfigResourceTypes } = require('kafkajs')
const { until } = require('./cell.js')

const TOPIC_ALREADY_EXISTS = 36

async function topics(cell) {
  await cell.createTopic(3)
  // It answers "not created" for this error and no other.
  const again = (await cell.createTopic(3)) ? 0 : TOPIC_ALREADY_EXISTS
  return cell.admin(async (admin) => {
    const described = await admin.fetchTopicMetadata({ topics: [cell.name] })
    const unknown = await admin.fetchTopicMetadata({ topics: [`${cell.name}-not`] }).then(
      () => 0,
      (error) => error.code ?? error.cause.code,
    )
    const partitions = described.topics[0].partitions
      .sort((a, b) => a.partitionId - b.partitionId)
      .map(({ partitionId, leader, replicas }) => [partitionId, leader, replicas])
    return { again, unknown, partitions, listed: (await admin.listTopics()).includes(cell.name) }
  })
}

async function cluster(cell) {
  const found = await cell.admin((admin) => admin.describeCluster())
  return {
    nodes: found.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
    controller: found.controller,
    cluster: found.clusterId,
  }
}

async function groups(cell) {
  await cell.createTopic(2)
  await cell.fill(5)
  return cell.admin(async (admin) => {
    const described = async () => {
      const [found] = (await admin.describeGroups([cell.name])).groups
      return {
        state: found.state,
        assignor: found.protocol,
        members: found.members.map(({ clientId, memberAssignment }) => [
          clientId,
          AssignerProtocol.MemberAssignment.decode(memberAssignment).assignment[cell.name].sort(),
        ]),
      }
    }
    const deleted = () =>
      admin.deleteGroups([cell.name]).then(
        () => 0,
        (error) => error.groups[0].errorCode,
      )
    const committed = async () => {
      const found = await admin.fetchOffsets({ groupId: cell.name, topics: [cell.name] })
      const { offset } = found[0].partitions.find(({ partition }) => partition === 0)
      return offset === '-1' ? null : Number(offset)
    }
    let seen = 0
    const member = await cell.run(() => seen++, {}, { autoCommit: false })
    await until('all records', () => seen >= 5)
    await member.commitOffsets([{ topic: cell.name, partition: 0, offset: '5' }])
    const live = await described()
    const delete_live = await deleted()
    await member.disconnect()
    return {
      live,
      delete_live,
      empty: await described(),
      committed: await committed(),
      delete_empty: await deleted(),
      committed_after: await committed(),
    }
  })
}

async function listGroups(cell) {
  await cell.createTopic(1)
  await cell.fill(5)
  let seen = 0
  const member = await cell.run(() => seen++)
  await until('all records', () => seen >= 5)
  const listed = await cell.admin((admin) => admin.listGroups())
  await member.disconnect()
  const found = listed.groups
    .filter(({ groupId }) => groupId === cell.name)
    .map(({ groupId, protocolType }) => [groupId, protocolType])
  return { found }
}

async function configs(cell) {
  await cell.createTopic(1)
  const topic = { type: ConfigResourceTypes.TOPIC, name: cell.name }
  const configEntries = [{ name: 'retention.ms', value: '7200000' }]
  return cell.admin(async (admin) => {
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...topic, configEntries }] })
    const asked = { ...topic, configNames: ['retention.ms'] }
    const found = await admin.describeConfigs({ includeSynonyms: false, resources: [asked] })
    return { value: found.resources[0].configEntries[0].configValue }
  })
}

async function partitions(cell) {
  await cell.createTopic(1)
  return cell.admin(async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic: cell.name, count: 3 }] })
    const end = Date.now() + 10_000 // Kafka may need a moment until it tells of them
    let found
    do {
      const { topics } = await admin.fetchTopicMetadata({ topics: [cell.name] })
      found = topics[0].partitions.length
    } while (found === 1 && Date.now() < end)
    return { partitions: found }
  })
}

async function deleteRecords(cell) {
  await cell.createTopic(1)
  await cell.fill(50)
  return cell.admin(async (admin) => {
    await admin.fetchTopicOffsets(cell.name) // deleting wants to know the topic already
    const before = [{ partition: 0, offset: '20' }]
    await admin.deleteTopicRecords({ topic: cell.name, partitions: before })
    const [{ low, high }] = await admin.fetchTopicOffsets(cell.name)
    return { earliest: Number(low), latest: Number(high) }
  })
}

async function deleteTopic(cell) {
  await cell.createTopic(1)
  return cell.admin(async (admin) => {
    const before = (await admin.listTopics()).includes(cell.name)
    await admin.deleteTopics({ topics: [cell.name] })
    return { before, after: (await admin.listTopics()).includes(cell.name) }
  })
}

module.exports = {
  'admin-topics': topics,
  'admin-cluster': cluster,
  'admin-groups': groups,
  'admin-list-groups': listGroups,
  'admin-configs': configs,
  'admin-partitions': partitions,
  'admin-delete-records': deleteRecords,
  'admin-delete-topic': deleteTopic,
}
