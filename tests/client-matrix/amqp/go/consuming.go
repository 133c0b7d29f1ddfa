package main

import (
	amqp "github.com/rabbitmq/amqp091-go"
)

func prefetch(c *cell) object {
	channel := c.open()
	c.declare(channel, nil)
	c.fill(channel, 20)
	must(channel.Qos(5, 0, false))
	arrived := consume(channel, c.name, false)
	group := several(arrived, 5)
	all := group
	ready := c.ready(channel)
	for {
		must(group[4].Ack(true))
		if len(all) == 20 {
			break
		}
		group = several(arrived, 5)
		all = append(all, group...)
	}
	seen := texts(all)
	return object{"first": seen[:5], "ready": ready, "all": seen, "left": c.left()}
}

func requeue(c *cell) object {
	channel := c.open()
	c.declare(channel, nil)
	for _, text := range []string{"a", "b"} {
		send(channel, "", c.name, persistent(text))
	}
	must(channel.Qos(1, 0, false))
	arrived := consume(channel, c.name, false)
	seen := []any{}
	for _, settle := range []string{"nack", "ack", "reject", "ack"} {
		message := next(arrived)
		seen = append(seen, []any{string(message.Body), message.Redelivered})
		switch settle {
		case "nack":
			must(message.Nack(false, true))
		case "reject":
			must(message.Reject(true))
		default:
			must(message.Ack(false))
		}
	}
	return object{"seen": seen, "left": c.left()}
}

func get(c *cell) object {
	channel := c.openConfirming()
	c.declare(channel, nil)
	c.fill(channel, 3)
	got := []any{}
	for range 4 {
		message, there, err := channel.Get(c.name, false)
		must(err)
		if !there {
			got = append(got, nil)
			continue
		}
		must(message.Ack(false))
		got = append(got, []any{string(message.Body), message.MessageCount, message.Redelivered})
	}
	return object{"got": got}
}

func cancelNotify(c *cell) object {
	channel := c.open()
	c.declare(channel, nil)
	cancelled := channel.NotifyCancel(make(chan string, 1))
	value(channel.Consume(c.name, "the-consumer", true, false, false, false, nil))
	other := value(c.connections[0].Channel())
	value(other.QueueDelete(c.name, false, false, false))
	return object{"cancelled": []string{next(cancelled)}}
}

func transaction(c *cell) object {
	watching, channel := c.open(), c.open()
	c.declare(watching, nil)
	must(channel.Tx())
	ready := []int{}
	look := func() { ready = append(ready, c.ready(watching)) }
	take := func() amqp.Delivery {
		message, _, err := channel.Get(c.name, false)
		must(err)
		must(message.Ack(false))
		return message
	}
	c.fill(channel, 2)
	look()
	must(channel.TxCommit())
	look()
	c.fill(channel, 1)
	must(channel.TxRollback())
	look()
	take()
	must(channel.TxRollback())
	must(channel.Recover(true))
	look()
	again := take()
	must(channel.TxCommit())
	must(channel.Close())
	look()
	return object{"ready": ready, "redelivered": again.Redelivered}
}
