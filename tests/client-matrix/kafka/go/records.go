package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func codec(c *cell) object {
	must(c.createTopic(2))
	records := []*kgo.Record{}
	for i := range 100 {
		record := &kgo.Record{
			Partition: int32(i % 2),
			Timestamp: time.UnixMilli(firstTime + 1000*int64(i)),
			Headers: []kgo.RecordHeader{
				{Key: "n", Value: []byte(strconv.Itoa(i))},
				{Key: "n", Value: []byte("again")},
				{Key: "empty", Value: []byte{}},
			},
		}
		if i%10 != 3 {
			record.Key = fmt.Appendf(nil, "key-%d", i)
		}
		if i%10 != 7 {
			record.Value = fmt.Appendf(nil, "value-%d-%s", i, strings.Repeat("abcdefgh", 20))
		}
		records = append(records, record)
	}
	c.send(records,
		kgo.ProducerBatchCompression(codecs[c.variant]), kgo.ProducerLinger(50*time.Millisecond))
	reader := c.reader(2, kgo.NewOffset().AtStart())
	defer reader.Close()
	found := []object{}
	for _, record := range c.poll(reader, len(records)) {
		found = append(found, described(record))
	}
	return object{"records": found}
}

func described(record *kgo.Record) object {
	headers := [][]any{}
	for _, header := range record.Headers {
		headers = append(headers, []any{header.Key, text(header.Value)})
	}
	return object{
		"partition": record.Partition,
		"offset":    record.Offset,
		"timestamp": record.Timestamp.UnixMilli(),
		"key":       text(record.Key),
		"value":     text(record.Value),
		"headers":   headers,
	}
}

func text(data []byte) any {
	if data == nil {
		return nil
	}
	return string(data)
}

func idempotent(c *cell) object {
	must(c.createTopic(1))
	// Idempotence is what this client does unless told otherwise.
	offsets := c.fill(500, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchMaxBytes(1024))
	reader := c.reader(1, kgo.NewOffset().AtStart())
	defer reader.Close()
	values := []string{}
	for _, record := range c.poll(reader, 500) {
		values = append(values, string(record.Value))
	}
	return object{"offsets": offsets, "values": values}
}
