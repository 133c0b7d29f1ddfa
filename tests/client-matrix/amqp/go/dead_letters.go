package main

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// openDying is a channel with a queue whose dead letters go to another.
func (c *cell) openDying() *amqp.Channel {
	channel := c.open()
	must(channel.ExchangeDeclare(c.name+"-dlx", "direct", true, false, false, false, nil))
	value(channel.QueueDeclare(c.name+"-dead", true, false, false, false, nil))
	must(channel.QueueBind(c.name+"-dead", "dead", c.name+"-dlx", false, nil))
	c.declare(channel, amqp.Table{
		"x-dead-letter-exchange":    c.name + "-dlx",
		"x-dead-letter-routing-key": "dead",
	})
	return channel
}

func (c *cell) sendKept(channel *amqp.Channel, text, expiration string) {
	message := persistent(text)
	message.Headers = amqp.Table{"kept": "a header"}
	message.Expiration = expiration
	send(channel, "", c.name, message)
}

func death(message amqp.Delivery) object {
	first := []any{}
	for _, what := range []string{"reason", "queue", "exchange"} {
		first = append(first, message.Headers["x-first-death-"+what])
	}
	deaths := message.Headers["x-death"].([]any)
	newest := deaths[0].(amqp.Table)
	then := newest["time"].(time.Time)
	delete(newest, "time")
	return object{
		"body":     string(message.Body),
		"exchange": message.Exchange,
		"key":      message.RoutingKey,
		"kept":     message.Headers["kept"],
		"deaths":   deaths,
		"first":    first,
		"minutes":  int(time.Since(then).Minutes()),
	}
}

func deadLetter(c *cell) object {
	channel := c.openDying()
	c.sendKept(channel, "spoiled", "")
	message := next(consume(channel, c.name, false))
	must(message.Reject(false))
	return death(next(consume(channel, c.name+"-dead", true)))
}

func ttl(c *cell) object {
	channel := c.openDying()
	c.sendKept(channel, "spoiled", "50")
	c.sendKept(channel, "lives", "600000")
	message := next(consume(channel, c.name+"-dead", true))
	result := death(message)
	result["ready"] = c.ready(channel)
	result["expiration"] = nil // an empty one is none
	if message.Expiration != "" {
		result["expiration"] = message.Expiration
	}
	return result
}
