package main

import "github.com/twmb/franz-go/pkg/kadm"

func adminConfigs(c *cell) object {
	must(c.createTopic(1))
	result := object{}
	c.admin(func(admin *kadm.Client) {
		changes := []kadm.AlterConfig{{Name: "retention.ms", Value: kadm.StringPtr("7200000")}}
		changed, err := admin.AlterTopicConfigs(c.ctx, changes, c.name)
		must(err)
		must(changed[0].Err)
		found, err := admin.DescribeTopicConfigs(c.ctx, c.name)
		must(err)
		must(found[0].Err)
		for _, config := range found[0].Configs {
			if config.Key == "retention.ms" {
				result["value"] = *config.Value
			}
		}
	})
	return result
}

func adminPartitions(c *cell) object {
	must(c.createTopic(1))
	result := object{}
	c.admin(func(admin *kadm.Client) {
		changed, err := admin.UpdatePartitions(c.ctx, 3, c.name)
		must(err)
		must(changed[c.name].Err)
		found, err := admin.ListTopics(c.ctx, c.name)
		must(err)
		result["partitions"] = len(found[c.name].Partitions)
	})
	return result
}

func adminDeleteRecords(c *cell) object {
	must(c.createTopic(1))
	c.fill(count)
	result := object{}
	c.admin(func(admin *kadm.Client) {
		before := kadm.Offsets{}
		before.AddOffset(c.name, 0, 20, -1)
		deleted, err := admin.DeleteRecords(c.ctx, before)
		must(err)
		must(deleted[c.name][0].Err)
		earliest, err := admin.ListStartOffsets(c.ctx, c.name)
		must(err)
		latest, err := admin.ListEndOffsets(c.ctx, c.name)
		must(err)
		result["earliest"] = earliest[c.name][0].Offset
		result["latest"] = latest[c.name][0].Offset
	})
	return result
}

func adminDeleteTopic(c *cell) object {
	must(c.createTopic(1))
	before := c.listed()
	c.admin(func(admin *kadm.Client) {
		_, err := admin.DeleteTopic(c.ctx, c.name)
		must(err)
	})
	return object{"before": before, "after": c.listed()}
}

// listed asks with a client of its own: one that has asked before may remember the answer.
func (c *cell) listed() (has bool) {
	c.admin(func(admin *kadm.Client) {
		all, err := admin.ListTopics(c.ctx)
		must(err)
		has = all.Has(c.name)
	})
	return has
}
