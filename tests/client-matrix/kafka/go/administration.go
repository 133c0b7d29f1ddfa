package main

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func adminTopics(c *cell) object {
	must(c.createTopic(3))
	result := object{"again": errorCode(c.createTopic(3))}
	c.admin(func(admin *kadm.Client) {
		found, err := admin.ListTopics(c.ctx, c.name, c.name+"-not")
		must(err)
		result["unknown"] = errorCode(found[c.name+"-not"].Err)
		partitions := [][]any{}
		for _, part := range found[c.name].Partitions.Sorted() {
			partitions = append(partitions, []any{part.Partition, part.Leader, part.Replicas})
		}
		result["partitions"] = partitions
		all, err := admin.ListTopics(c.ctx)
		must(err)
		result["listed"] = all.Has(c.name)
	})
	return result
}

func adminCluster(c *cell) object {
	result := object{}
	c.admin(func(admin *kadm.Client) {
		found, err := admin.BrokerMetadata(c.ctx)
		must(err)
		nodes := [][]any{}
		for _, broker := range found.Brokers {
			nodes = append(nodes, []any{broker.NodeID, fmt.Sprintf("%s:%d", broker.Host, broker.Port)})
		}
		result["nodes"], result["controller"], result["cluster"] = nodes, found.Controller, found.Cluster
	})
	return result
}

func adminGroups(c *cell) object {
	must(c.createTopic(2))
	c.fill(5)
	result := object{}
	c.admin(func(admin *kadm.Client) {
		described := func() object {
			groups, err := admin.DescribeGroups(c.ctx, c.name)
			must(err)
			found := groups[c.name]
			must(found.Err)
			members := [][]any{}
			for _, member := range found.Members {
				parts := []int32{}
				assigned, _ := member.Assigned.AsConsumer()
				for _, topic := range assigned.Topics {
					parts = append(parts, topic.Partitions...)
				}
				slices.Sort(parts)
				members = append(members, []any{member.ClientID, parts})
			}
			return object{"state": found.State, "assignor": found.Protocol, "members": members}
		}
		deleted := func() int16 {
			_, err := admin.DeleteGroup(c.ctx, c.name)
			return errorCode(err)
		}
		member := c.member(kgo.ClientID("the-member"), kgo.Balancers(kgo.RangeBalancer()))
		c.poll(member, 5)
		must(member.CommitUncommittedOffsets(c.ctx))
		result["live"] = described()
		result["delete_live"] = deleted()
		member.Close()
		result["empty"] = described()
		result["committed"] = c.committed(1)[0]
		result["delete_empty"] = deleted()
		result["committed_after"] = c.committed(1)[0]
	})
	return result
}

func adminListGroups(c *cell) object {
	must(c.createTopic(1))
	c.fill(5)
	member := c.member()
	defer member.Close()
	c.poll(member, 5)
	found := [][]any{}
	c.admin(func(admin *kadm.Client) {
		groups, err := admin.ListGroups(c.ctx)
		must(err)
		if group, has := groups[c.name]; has {
			found = append(found, []any{group.Group, group.ProtocolType})
		}
	})
	return object{"found": found}
}
