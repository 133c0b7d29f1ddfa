package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	partitions   = 6
	perPartition = 10
	pollInterval = 10 * time.Millisecond
)

var balancers = map[string]kgo.GroupBalancer{
	"range":              kgo.RangeBalancer(),
	"roundrobin":         kgo.RoundRobinBalancer(),
	"sticky":             kgo.StickyBalancer(),
	"cooperative-sticky": kgo.CooperativeStickyBalancer(),
}

// seen counts how often each value was read, by whichever member.
type seen struct {
	mutex  sync.Mutex
	counts map[string]int
}

func (s *seen) add(records []*kgo.Record) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, record := range records {
		s.counts[string(record.Value)]++
	}
}

func (s *seen) all(values []string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return !slices.ContainsFunc(values, func(value string) bool { return s.counts[value] == 0 })
}

// worker is a member that commits what it read before it lets go of it.
type worker struct {
	client   *kgo.Client
	mutex    sync.Mutex
	assigned int
	revoked  int
	done     chan struct{}
	working  sync.Mutex // from a batch's records to their commit
	leaving  bool       // under it: a commit after the member has left would be refused
}

func startWorker(c *cell, read *seen) *worker {
	w := &worker{done: make(chan struct{})}
	w.client = c.member(
		kgo.Balancers(balancers[c.variant]),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, given map[string][]int32) {
			w.change(len(given[c.name]), 0)
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, taken map[string][]int32) {
			w.change(-len(taken[c.name]), len(taken[c.name]))
		}))
	go func() {
		defer close(w.done)
		for {
			fetches := w.client.PollFetches(c.ctx)
			if fetches.IsClientClosed() {
				return
			}
			if !w.work(c, fetches, read) {
				return
			}
		}
	}()
	return w
}

// work reads and commits, unless the member is about to leave.
func (w *worker) work(c *cell, fetches kgo.Fetches, read *seen) bool {
	w.working.Lock()
	defer w.working.Unlock()
	if w.leaving {
		return false
	}
	must(fetches.Err())
	read.add(fetches.Records())
	must(w.client.CommitUncommittedOffsets(c.ctx))
	w.client.AllowRebalance()
	return true
}

func (w *worker) change(assigned, revoked int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.assigned += assigned
	w.revoked += revoked
}

func (w *worker) share() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.assigned
}

func (w *worker) leave() {
	w.working.Lock()
	w.leaving = true
	w.working.Unlock()
	w.client.CloseAllowingRebalance()
	<-w.done
}

func (c *cell) until(what string, condition func() bool) {
	for !condition() {
		if c.ctx.Err() != nil {
			panic("waited in vain for: " + what)
		}
		time.Sleep(pollInterval)
	}
}

// share: two members share the work, and one hands it over to the other.
func share(c *cell) object {
	must(c.createTopic(partitions))
	read := &seen{counts: map[string]int{}}
	shares := [][]int{}
	workOn := func(label string, workers ...*worker) {
		of := []int{}
		for _, w := range workers {
			of = append(of, w.share())
		}
		slices.Sort(of)
		slices.Reverse(of)
		shares = append(shares, of)
		records, values := []*kgo.Record{}, []string{}
		for partition := range int32(partitions) {
			for i := range perPartition {
				values = append(values, fmt.Sprintf("%s-%d-%d", label, partition, i))
				value := []byte(values[len(values)-1])
				records = append(records, &kgo.Record{Partition: partition, Value: value})
			}
		}
		c.send(records)
		c.until("the records of "+label, func() bool { return read.all(values) })
	}

	first := startWorker(c, read)
	c.until("everything with one", func() bool { return first.share() == partitions })
	workOn("alone", first)

	second := startWorker(c, read)
	c.until("an even split", func() bool { return first.share() == 3 && second.share() == 3 })
	first.mutex.Lock()
	revoked := first.revoked
	first.mutex.Unlock()
	workOn("two", first, second)

	second.leave()
	c.until("what the other had", func() bool { return first.share() == partitions })
	workOn("again", first)
	first.leave()

	duplicates := 0
	for _, count := range read.counts {
		duplicates += count - 1
	}
	return object{
		"shares": shares, "revoked": revoked, "duplicates": duplicates,
		"values":    slices.Sorted(maps.Keys(read.counts)),
		"committed": c.committed(partitions),
	}
}

// committed are the group's offsets, null where there is none.
func (c *cell) committed(partitions int32) []any {
	found := []any{}
	c.admin(func(admin *kadm.Client) {
		offsets, err := admin.FetchOffsets(c.ctx, c.name)
		must(err)
		for partition := range partitions {
			if offset, has := offsets.Lookup(c.name, partition); has {
				must(offset.Err)
				found = append(found, offset.At)
			} else {
				found = append(found, nil)
			}
		}
	})
	return found
}

func resume(c *cell) object {
	must(c.createTopic(1))
	c.fill(20)
	first := c.member()
	c.poll(first, 8)
	withNote := kgo.PreCommitFnContext(c.ctx, func(request *kmsg.OffsetCommitRequest) error {
		request.Topics[0].Partitions[0].Metadata = kmsg.StringPtr("a note")
		return nil
	})
	must(first.CommitRecords(withNote, &kgo.Record{Topic: c.name, Offset: 7, LeaderEpoch: -1}))
	first.Close()

	second := c.member()
	defer second.Close()
	read := []int64{}
	for _, record := range c.poll(second, 12) {
		read = append(read, record.Offset)
	}
	result := object{"offsets": read}
	c.admin(func(admin *kadm.Client) {
		offsets, err := admin.FetchOffsets(c.ctx, c.name)
		must(err)
		committed, _ := offsets.Lookup(c.name, 0)
		result["committed"], result["note"] = committed.At, committed.Metadata
	})
	return result
}
