package main

import (
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func topic(c *cell) object {
	channel := c.openConfirming()
	exchange, behind := c.name+"-topic", c.name+"-behind"
	must(channel.ExchangeDeclare(exchange, "topic", false, false, false, false, nil))
	must(channel.ExchangeDeclare(behind, "fanout", false, false, false, false, nil))
	must(channel.ExchangeBind(behind, "#", exchange, false, nil))
	queues := []string{"orange", "rabbits", "everything"}
	for _, queue := range queues {
		value(channel.QueueDeclare(c.name+"-"+queue, false, false, false, false, nil))
	}
	must(channel.QueueBind(c.name+"-orange", "*.orange.*", exchange, false, nil))
	must(channel.QueueBind(c.name+"-rabbits", "#.rabbit", exchange, false, nil))
	must(channel.QueueBind(c.name+"-rabbits", "lazy.#", exchange, false, nil))
	must(channel.QueueBind(c.name+"-everything", "", behind, false, nil))
	sendAll := func(keys ...string) {
		for _, key := range keys {
			send(channel, exchange, key, persistent(key))
		}
	}
	sendAll("quick.orange.rabbit", "lazy.orange.elephant", "quick.brown.fox")
	sendAll("lazy", "lazy.pink.rabbit", "rabbit")
	result := object{}
	for _, queue := range queues {
		result[queue] = takeAll(channel, c.name+"-"+queue)
	}
	must(channel.QueueUnbind(c.name+"-rabbits", "lazy.#", exchange, nil))
	sendAll("lazy.fox", "tame.rabbit")
	result["unbound"] = takeAll(channel, c.name+"-rabbits")
	return result
}

func headers(c *cell) object {
	channel := c.openConfirming()
	exchange := c.name + "-headers"
	must(channel.ExchangeDeclare(exchange, "headers", false, false, false, false, nil))
	for _, match := range []string{"all", "any"} {
		value(channel.QueueDeclare(c.name+"-"+match, false, false, false, false, nil))
		wanted := amqp.Table{"x-match": match, "format": "pdf", "pages": 3}
		must(channel.QueueBind(c.name+"-"+match, "", exchange, false, wanted))
	}
	sendMarked := func(text string, marks amqp.Table) {
		message := persistent(text)
		message.Headers = marks
		send(channel, exchange, "", message)
	}
	sendMarked("both", amqp.Table{"format": "pdf", "pages": 3})
	sendMarked("more", amqp.Table{"format": "pdf", "pages": 3, "colour": "red"})
	sendMarked("pdf", amqp.Table{"format": "pdf"})
	sendMarked("pages", amqp.Table{"format": "zip", "pages": 3})
	sendMarked("none", amqp.Table{"format": "zip", "pages": 4})
	return object{
		"all": takeAll(channel, c.name+"-all"),
		"any": takeAll(channel, c.name+"-any"),
	}
}

func serverNamed(c *cell) object {
	channel := c.open()
	queue := value(channel.QueueDeclare("", false, true, true, false, nil)).Name
	look := func(from *amqp.Channel) any {
		_, err := from.QueueDeclarePassive(queue, false, true, true, false, nil)
		return refusal(err)[0]
	}
	other := look(c.open())
	arrived := value(channel.Consume(queue, "the-consumer", true, false, false, false, nil))
	send(channel, "", queue, persistent("hello"))
	body := string(next(arrived).Body)
	must(channel.Cancel("the-consumer", false))
	return object{"queue": queue, "other": other, "body": body, "after": look(channel)}
}

func channelError(c *cell) object {
	connection := c.connect(amqp.Config{})
	first := value(connection.Channel())
	c.declare(first, nil)
	_, missing := first.QueueDeclarePassive(c.name+"-missing", true, false, false, false, nil)
	second := value(connection.Channel())
	_, differs := second.QueueDeclare(c.name, false, false, false, false, nil)
	third := value(connection.Channel())
	must(third.Confirm(false))
	send(third, "", c.name, persistent("alive"))
	return object{
		"missing": refusal(missing),
		"differs": refusal(differs),
		"body":    takeAll(third, c.name)[0],
	}
}

func heartbeat(c *cell) object {
	connection := c.connect(amqp.Config{Heartbeat: time.Second})
	negotiated := int(connection.Config.Heartbeat.Seconds())
	time.Sleep(3500 * time.Millisecond) // the silence is what is tested
	alive := !connection.IsClosed()
	channel := value(connection.Channel())
	value(channel.QueueDeclare(c.name, false, false, true, false, nil))
	return object{"negotiated": negotiated, "alive": alive}
}

func recovery(c *cell) object {
	every := &amqp.ReconnectionConfig{MaxRetryCount: 1000, RetryInterval: 100 * time.Millisecond}
	connection := c.connect(amqp.Config{Recovery: &amqp.Recovery{ReconnectionConfig: every}})
	channel := value(connection.Channel())
	must(channel.Confirm(false))
	c.declare(channel, nil)
	value(channel.QueueDeclare(c.name+"-kept", true, false, false, false, nil))
	topic := c.name + "-topic"
	must(channel.ExchangeDeclare(topic, "topic", false, false, false, false, nil))
	own := value(channel.QueueDeclare("", false, false, true, false, nil)).Name
	must(channel.QueueBind(own, "a.*", topic, false, nil))
	arrived, routed := consume(channel, c.name, true), consume(channel, own, true)
	send(channel, "", c.name+"-kept", persistent("before"))
	states := make(chan *amqp.StateChanged, 10)
	connection.NotifyStateChange(states)
	fmt.Println("kill the broker") // ../../drive.py does
	for next(states).To != amqp.StateOpen {
	}
	send(channel, "", c.name, persistent("after"))
	send(channel, topic, "a.b", persistent("routed"))
	return object{
		"kept":     takeAll(channel, c.name+"-kept")[0],
		"consumed": string(next(arrived).Body),
		"routed":   string(next(routed).Body),
	}
}
