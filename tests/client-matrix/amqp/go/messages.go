package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var moment = time.Unix(1_700_000_000, 0)

// plain is the value as JSON can say it.
func plain(value any) any {
	switch known := value.(type) {
	case time.Time:
		return known.Unix()
	case amqp.Decimal:
		return fmt.Sprintf("%d.%0*d", known.Value/100, int(known.Scale), known.Value%100)
	case []byte:
		return hex.EncodeToString(known)
	default:
		return value
	}
}

func properties(c *cell) object {
	channel := c.openConfirming()
	c.declare(channel, nil)
	send(channel, "", c.name, amqp.Publishing{
		Headers: amqp.Table{
			"t": true,
			"b": int8(-5),
			"B": byte(250),
			"s": int16(-300),
			"u": uint16(65_000),
			"I": int32(-70_000),
			"i": uint32(4_000_000_000),
			"l": int64(1 << 40),
			"f": float32(1.5),
			"d": 0.1,
			"D": amqp.Decimal{Scale: 2, Value: 12345},
			"S": "grün",
			"A": []any{"a", int32(7), true},
			"T": moment,
			"F": amqp.Table{"deep": amqp.Table{"x": "y"}},
			"V": nil,
			"x": []byte{0, 0xff, 0x10},
		},
		ContentType:     "text/plain",
		ContentEncoding: "utf-8",
		DeliveryMode:    2,
		Priority:        5,
		CorrelationId:   "the correlation",
		ReplyTo:         "the reply queue",
		Expiration:      "600000",
		MessageId:       "the message",
		Timestamp:       moment,
		Type:            "the type",
		UserId:          "guest",
		AppId:           "the application",
		Body:            []byte("the body"),
	})
	found, _, err := channel.Get(c.name, true)
	must(err)
	headers := object{}
	for name, value := range found.Headers {
		headers[name] = []any{fmt.Sprintf("%T", value), plain(value)}
	}
	return object{
		"body":     string(found.Body),
		"exchange": found.Exchange,
		"key":      found.RoutingKey,
		"headers":  headers,
		"properties": object{
			"content_type":     found.ContentType,
			"content_encoding": found.ContentEncoding,
			"delivery_mode":    found.DeliveryMode,
			"priority":         found.Priority,
			"correlation_id":   found.CorrelationId,
			"reply_to":         found.ReplyTo,
			"expiration":       found.Expiration,
			"message_id":       found.MessageId,
			"timestamp":        plain(found.Timestamp),
			"type":             found.Type,
			"user_id":          found.UserId,
			"app_id":           found.AppId,
		},
	}
}

func publish(c *cell) object {
	channel := c.openConfirming()
	c.declare(channel, nil)
	confirms := []*amqp.DeferredConfirmation{}
	for i := range 200 {
		message := persistent(fmt.Sprint("m-", i))
		confirm := value(channel.PublishWithDeferredConfirm("", c.name, false, false, message))
		confirms = append(confirms, confirm)
	}
	confirmed := 0
	for _, confirm := range confirms {
		if confirm.Wait() {
			confirmed++
		}
	}
	ready := c.ready(channel)
	read := several(consume(channel, c.name, true), 200)
	return object{"confirmed": confirmed, "ready": ready, "bodies": texts(read)}
}

func mandatory(c *cell) object {
	channel := c.openConfirming()
	// Without room in them, the client hands over one thing after the other.
	returns := channel.NotifyReturn(make(chan amqp.Return))
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation))
	must(channel.Publish("amq.direct", c.name, true, false, persistent("unroutable")))
	order, returned := []string{}, amqp.Return{}
	for range 2 {
		select {
		case returned = <-returns:
			order = append(order, "return")
		case <-confirms:
			order = append(order, "confirm")
		case <-time.After(patience):
			panic("waited in vain")
		}
	}
	told := []any{
		returned.ReplyCode, returned.ReplyText,
		returned.Exchange, returned.RoutingKey, string(returned.Body),
	}
	return object{"returned": told, "order": order}
}

func big(c *cell) object {
	channel := c.openConfirming()
	c.declare(channel, nil)
	body := make([]byte, 5*1024*1024)
	for i := range body {
		body[i] = byte(i)
	}
	send(channel, "", c.name, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
	found, _, err := channel.Get(c.name, true)
	must(err)
	sum := sha256.Sum256(found.Body)
	return object{"bytes": len(found.Body), "sha256": hex.EncodeToString(sum[:])}
}
