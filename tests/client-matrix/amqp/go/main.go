// amqp091-go: runs one scenario and prints what it saw as JSON.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const patience = 40 * time.Second

type object = map[string]any

var scenarios = map[string]func(*cell) object{
	"properties":    properties,
	"publish":       publish,
	"mandatory":     mandatory,
	"big":           big,
	"prefetch":      prefetch,
	"requeue":       requeue,
	"get":           get,
	"cancel-notify": cancelNotify,
	"transaction":   transaction,
	"dead-letter":   deadLetter,
	"ttl":           ttl,
	"topic":         topic,
	"headers":       headers,
	"server-named":  serverNamed,
	"channel-error": channelError,
	"heartbeat":     heartbeat,
	"recovery":      recovery,
}

func main() {
	address := flag.String("address", "", "HOST:PORT")
	scenario := flag.String("scenario", "", "NAME")
	name := flag.String("name", "", "of the queue")
	flag.Parse()
	c := &cell{url: "amqp://guest:guest@" + *address + "/", name: *name}
	result := scenarios[*scenario](c)
	for _, connection := range c.connections {
		must(connection.Close())
	}
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

func value[T any](found T, err error) T {
	must(err)
	return found
}

// next waits for what comes by the channel.
func next[T any](arrived <-chan T) T {
	select {
	case found, open := <-arrived:
		if !open {
			panic("closed while something was awaited")
		}
		return found
	case <-time.After(patience):
		panic("waited in vain")
	}
}

func several[T any](arrived <-chan T, count int) []T {
	found := []T{}
	for range count {
		found = append(found, next(arrived))
	}
	return found
}

// refusal is the code and the text that the channel is closed with.
func refusal(err error) []any {
	var told *amqp.Error
	if !errors.As(err, &told) {
		panic(fmt.Sprint("no refusal: ", err))
	}
	return []any{told.Code, told.Reason}
}

// cell is what a scenario gets: a name of its own, connections, and a queue of that name.
type cell struct {
	url, name   string
	connections []*amqp.Connection
}

func (c *cell) connect(config amqp.Config) *amqp.Connection {
	connection := value(amqp.DialConfig(c.url, config))
	c.connections = append(c.connections, connection)
	return connection
}

// open is a channel of a connection of its own.
func (c *cell) open() *amqp.Channel {
	return value(c.connect(amqp.Config{}).Channel())
}

// openConfirming is the same, where publishes are confirmed.
func (c *cell) openConfirming() *amqp.Channel {
	channel := c.open()
	must(channel.Confirm(false))
	return channel
}

func (c *cell) declare(channel *amqp.Channel, arguments amqp.Table) {
	value(channel.QueueDeclare(c.name, true, false, false, false, arguments))
}

func (c *cell) ready(channel *amqp.Channel) int {
	return value(channel.QueueDeclarePassive(c.name, true, false, false, false, nil)).Messages
}

// left is the messages in the queue, once this connection holds none any more.
func (c *cell) left() int {
	must(c.connections[0].Close())
	c.connections = c.connections[1:]
	return c.ready(c.open())
}

func persistent(text string) amqp.Publishing {
	return amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(text)}
}

// send publishes; in a channel that confirms each is awaited.
func send(channel *amqp.Channel, exchange, key string, message amqp.Publishing) {
	confirm := value(channel.PublishWithDeferredConfirm(exchange, key, false, false, message))
	if confirm != nil && !confirm.Wait() {
		panic("nack")
	}
}

func (c *cell) fill(channel *amqp.Channel, count int) {
	for i := range count {
		send(channel, "", c.name, persistent(fmt.Sprint("m-", i)))
	}
}

func consume(channel *amqp.Channel, queue string, noAck bool) <-chan amqp.Delivery {
	return value(channel.Consume(queue, "", noAck, false, false, false, nil))
}

func texts(deliveries []amqp.Delivery) []string {
	found := []string{}
	for _, delivery := range deliveries {
		found = append(found, string(delivery.Body))
	}
	return found
}

// takeAll is the bodies of all messages that are ready.
func takeAll(channel *amqp.Channel, queue string) []string {
	found := []string{}
	for {
		message, there, err := channel.Get(queue, true)
		must(err)
		if !there {
			return found
		}
		found = append(found, string(message.Body))
	}
}
