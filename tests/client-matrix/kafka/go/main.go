// franz-go: runs one scenario and prints what it saw as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	firstTime = 1_700_000_000_000
	deadline  = 80 * time.Second // of the whole scenario
)

type object = map[string]any

// By the part of the name before the colon; what follows it is the variant.
var scenarios = map[string]func(*cell) object{
	"codec":                codec,
	"idempotent":           idempotent,
	"group":                share,
	"resume":               resume,
	"seek-offset":          seekOffset,
	"seek-time":            seekTime,
	"list-offsets":         listOffsets,
	"admin-topics":         adminTopics,
	"admin-cluster":        adminCluster,
	"admin-groups":         adminGroups,
	"admin-list-groups":    adminListGroups,
	"admin-configs":        adminConfigs,
	"admin-partitions":     adminPartitions,
	"admin-delete-records": adminDeleteRecords,
	"admin-delete-topic":   adminDeleteTopic,
}

func main() {
	bootstrap := flag.String("bootstrap", "", "HOST:PORT")
	scenario := flag.String("scenario", "", "NAME or NAME:VARIANT")
	name := flag.String("name", "", "of the topic and the group")
	flag.Parse()
	kind, variant, _ := strings.Cut(*scenario, ":")
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	result := scenarios[kind](&cell{ctx, *bootstrap, *name, variant})
	text, err := json.Marshal(result)
	must(err)
	fmt.Println(string(text))
}

// must ends the program: whatever goes wrong is the verdict.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// errorCode is the code of the Kafka error, 0 for none.
func errorCode(err error) int16 {
	var known *kerr.Error
	if errors.As(err, &known) {
		return known.Code
	}
	must(err)
	return 0
}

// cell is what a scenario gets: the broker, a name that is its own (topic and group), the clients.
type cell struct {
	ctx                      context.Context
	bootstrap, name, variant string
}

func (c *cell) client(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(c.bootstrap))...)
	must(err)
	return client
}

// reader consumes these partitions of the topic, from the offset on, in no group.
func (c *cell) reader(partitions int32, from kgo.Offset) *kgo.Client {
	offsets := map[int32]kgo.Offset{}
	for partition := range partitions {
		offsets[partition] = from
	}
	return c.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.name: offsets}))
}

// member joins the group; it commits when it is told to.
func (c *cell) member(options ...kgo.Opt) *kgo.Client {
	return c.client(append([]kgo.Opt{
		kgo.ConsumerGroup(c.name),
		kgo.ConsumeTopics(c.name),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(10 * time.Second),
		kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.DisableAutoCommit(),
	}, options...)...)
}

// admin calls the function with a client for administration.
func (c *cell) admin(use func(*kadm.Client)) {
	client := c.client()
	defer client.Close()
	use(kadm.NewClient(client))
}

func (c *cell) createTopic(partitions int32) (err error) {
	c.admin(func(admin *kadm.Client) {
		// Records are kept however old their timestamps are.
		kept := map[string]*string{"retention.ms": kadm.StringPtr("-1")}
		_, err = admin.CreateTopic(c.ctx, partitions, 1, kept, c.name)
	})
	return err
}

// send returns the offsets that the broker answered.
func (c *cell) send(records []*kgo.Record, options ...kgo.Opt) []int64 {
	options = append(options,
		kgo.DefaultProduceTopic(c.name), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	client := c.client(options...)
	defer client.Close()
	offsets := []int64{}
	for _, answer := range client.ProduceSync(c.ctx, records...) {
		must(answer.Err)
		offsets = append(offsets, answer.Record.Offset)
	}
	return offsets
}

// fill sends value-0, value-1, ... into partition 0, a second apart.
func (c *cell) fill(count int, options ...kgo.Opt) []int64 {
	records := []*kgo.Record{}
	for i := range count {
		records = append(records, &kgo.Record{
			Value:     fmt.Appendf(nil, "value-%d", i),
			Timestamp: time.UnixMilli(firstTime + 1000*int64(i)),
		})
	}
	return c.send(records, options...)
}

func (c *cell) poll(client *kgo.Client, atLeast int) []*kgo.Record {
	found := []*kgo.Record{}
	for len(found) < atLeast {
		fetches := client.PollFetches(c.ctx)
		must(fetches.Err())
		found = append(found, fetches.Records()...)
	}
	return found
}
