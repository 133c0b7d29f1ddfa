package main

import (
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const count = 50

func seekOffset(c *cell) object {
	must(c.createTopic(1))
	c.fill(count)
	reader := c.reader(1, kgo.NewOffset().AtStart())
	defer reader.Close()
	c.poll(reader, 1) // only what is being read can be sought
	found := [][]any{}
	for _, offset := range []int64{42, 7} {
		reader.SetOffsets(map[string]map[int32]kgo.EpochOffset{
			c.name: {0: {Epoch: -1, Offset: offset}},
		})
		first := c.poll(reader, 1)[0]
		found = append(found, []any{first.Offset, string(first.Value)})
	}
	return object{"found": found}
}

func seekTime(c *cell) object {
	must(c.createTopic(1))
	c.fill(count)
	offsets := []int64{}
	c.admin(func(admin *kadm.Client) {
		for _, after := range []int64{30_000, 30_001, -1, 1_000_000_000} {
			listed, err := admin.ListOffsetsAfterMilli(c.ctx, firstTime+after, c.name)
			must(err)
			found, _ := listed.Lookup(c.name, 0)
			must(found.Err)
			offsets = append(offsets, found.Offset)
		}
	})
	reader := c.reader(1, kgo.NewOffset().AfterMilli(firstTime+30_000))
	defer reader.Close()
	return object{"offsets": offsets, "first": string(c.poll(reader, 1)[0].Value)}
}

func listOffsets(c *cell) object {
	must(c.createTopic(2))
	c.fill(count)
	result := object{}
	c.admin(func(admin *kadm.Client) {
		earliest, err := admin.ListStartOffsets(c.ctx, c.name)
		must(err)
		latest, err := admin.ListEndOffsets(c.ctx, c.name)
		must(err)
		result["earliest"], result["latest"] = both(c, earliest), both(c, latest)
	})
	return result
}

func both(c *cell, listed kadm.ListedOffsets) []int64 {
	found := []int64{}
	for partition := range int32(2) {
		offset, _ := listed.Lookup(c.name, partition)
		must(offset.Err)
		found = append(found, offset.Offset)
	}
	return found
}
