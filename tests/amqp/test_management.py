"""The management API: what it says, what it changes, what it refuses, and rabbitmqadmin on it."""

import base64
import json
from pathlib import Path

import pika
import pytest
from pika import exceptions

from amqp_clients import (
    Inbox,
    PATIENCE_S,
    await_closed,
    await_ready,
    confirming,
    fill,
    is_there,
    publish,
    ready,
    take_all,
)
from management_client import Api, part
from support.waiting import wait_until


def names(rows):
    return [row["name"] for row in rows]


# Who may come in


def test_without_a_login_nothing_is_told(server):
    for api in (Api(server.management_port, password="wrong"), Api(server.management_port, "root")):
        status, headers, text = api.ask("GET", "/overview")
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic "), text
        assert json.loads(text)["error"] == "not_authorized"
    api.headers = {}
    assert api.ask("GET", "/whoami")[0] == 401
    api.headers = {"Authorization": "Bearer xyz"}
    assert api.ask("DELETE", "/queues/%2F/x")[0] == 401


def test_what_is_not_there(api):
    assert api.refused(404, "GET", "/nothing") == "Not Found"
    assert api.refused(404, "GET", "/queues/%2F/missing") == "Not Found"
    assert api.refused(404, "GET", "/queues/missing") == "Not Found"
    assert "PUT" in api.refused(405, "POST", "/vhosts/x")
    assert "users" in api.refused(501, "PUT", "/users/alice", {"password": "x", "tags": ""})
    assert "policies" in api.refused(501, "PUT", "/policies/%2F/p", {})
    assert "surprise" in api.refused(400, "GET", "/queues?surprise=1")
    assert "use_regex" in api.refused(400, "GET", "/queues?name=a&use_regex=true")
    assert "255" in api.refused(400, "PUT", "/queues/%2F/" + "x" * 256)
    assert "no JSON object" in api.refused(400, "PUT", "/queues/%2F/x", "{nonsense")


# What it says


def test_overview_and_whoami(api, channel, name):
    fill(channel, name, "a", "b")
    await_ready(channel, name, 2)
    overview = api.get("/overview")
    assert overview["product_name"] == "Millrace"
    assert int(overview["rabbitmq_version"].split(".")[0]) >= 4
    assert overview["queue_totals"]["messages"] >= 2
    totals = overview["object_totals"]
    assert totals["connections"] == 1 and totals["channels"] == 1 and totals["queues"] >= 1
    protocols = {row["protocol"]: row["port"] for row in overview["listeners"]}
    assert protocols["amqp"] == channel.connection._impl.params.port
    assert api.get("/whoami") == {"name": "guest", "tags": ["administrator"]}
    (node,) = api.get("/nodes")
    assert node["name"] == overview["node"] and node["running"] and node["mem_used"] > 1 << 20
    assert api.get(f"/nodes/{part(node['name'])}")["os_pid"] == node["os_pid"]


def test_a_queue_as_tools_read_it(api, connect, channel, name):
    arguments = {"x-max-length": 100, "x-queue-type": "quorum"}
    channel.queue_declare(name, durable=True, arguments=arguments)
    publisher = confirming(connect())
    publish(publisher, "a", "b", "c", to=name)
    Inbox(channel, name).wait_for(3)
    publish(publisher, "d", to=name)
    channel.basic_ack(1)

    def figures():
        queue = api.queue(name)
        return queue if queue["messages_unacknowledged"] == 3 else None

    queue = wait_until(figures, "one acknowledged and one more delivered")
    assert (queue["name"], queue["vhost"], queue["type"]) == (name, "/", "quorum")
    assert (queue["durable"], queue["auto_delete"], queue["exclusive"]) == (True, False, False)
    assert queue["arguments"] == arguments and queue["state"] == "running"
    assert (queue["messages"], queue["messages_ready"], queue["consumers"]) == (3, 0, 1)
    stats = queue["message_stats"]
    assert (stats["publish"], stats["deliver_get"], stats["ack"]) == (4, 4, 1)
    assert stats["publish_details"]["rate"] >= 0
    assert name in names(api.get("/queues")) and name in names(api.get("/queues/%2F"))


def test_rates_are_of_the_last_seconds(api, channel, name):
    fill(channel, name, *range(50))
    await_ready(channel, name, 50)  # all of them are before the first look
    api.queue(name)
    for number in range(50):
        publish(channel, number, to=name)

    def rate():
        return api.queue(name)["message_stats"]["publish_details"]["rate"]

    assert 0 < wait_until(rate, "a rate of what came since the first look") <= 60


def test_columns_order_and_pages(api, channel, name):
    for index in range(5):
        fill(channel, f"{name}-{index}", *range(index))
        await_ready(channel, f"{name}-{index}", index)
    rows = api.get(f"/queues?name={name}&columns=name,message_stats.publish&sort=messages&sort_reverse=true")
    assert rows[0] == {"name": f"{name}-4", "message_stats": {"publish": 4}}
    assert names(rows) == [f"{name}-{index}" for index in (4, 3, 2, 1, 0)]
    page = api.get(f"/queues/%2F?name={name}&sort=name&page=2&page_size=2&columns=name&disable_stats=true")
    assert names(page.pop("items")) == [f"{name}-2", f"{name}-3"]
    total = page.pop("total_count")
    assert total >= 5 and page == {
        "filtered_count": 5,
        "item_count": 2,
        "page": 2,
        "page_count": 3,
        "page_size": 2,
    }
    assert "page_size" in api.refused(400, "GET", "/queues?page=1&page_size=0")


def test_health_checks(api, server):
    for check in (
        "alarms",
        "local-alarms",
        "virtual-hosts",
        "ready-to-serve-clients",
        "node-is-quorum-critical",
        f"port-listener/{server.amqp_port}",
        "protocol-listener/amqp",
    ):
        assert api.get("/health/checks/" + check)["status"] == "ok"
    assert api.expect(503, "GET", "/health/checks/protocol-listener/mqtt")["missing"] == "mqtt"
    assert api.expect(503, "GET", "/health/checks/port-listener/1")["status"] == "failed"
    api.refused(400, "GET", "/health/checks/port-listener/x")


# What it changes


def test_exchanges_queues_and_bindings(api, channel, name):
    exchange, other = name + "-x", name + "-y"
    assert api.expect(201, "PUT", f"/exchanges/%2F/{exchange}", {"type": "topic"}) is None
    assert api.expect(204, "PUT", f"/exchanges/%2F/{exchange}", {"type": "topic"}) is None
    assert "type" in api.refused(400, "PUT", f"/exchanges/%2F/{exchange}", {"type": "direct"})
    api.refused(400, "PUT", f"/exchanges/%2F/{exchange}-z", {"type": "x-unknown"})
    api.put(f"/exchanges/%2F/{other}", {"type": "fanout", "durable": False, "auto_delete": True})
    assert api.get(f"/exchanges/%2F/{other}")["auto_delete"] is True
    api.expect(201, "PUT", f"/queues/%2F/{name}")
    api.expect(204, "PUT", f"/queues/%2F/{name}", {})
    assert "durable" in api.refused(400, "PUT", f"/queues/%2F/{name}", {"durable": True})

    path = f"/bindings/%2F/e/{exchange}/q/{name}"
    status, headers, _ = api.ask("POST", path, json.dumps({"routing_key": "a/b.*"}))
    assert status == 201 and headers["Location"] == "a%2Fb.%2A"
    api.post(path, {"routing_key": "", "arguments": {"x": 1}})
    api.post(f"/bindings/%2F/e/{exchange}/e/{other}", {"routing_key": "#"})
    keys = {row["routing_key"]: row["properties_key"] for row in api.get(path)}
    assert keys.keys() == {"a/b.*", ""} and keys["a/b.*"] == "a%2Fb.%2A"
    assert api.get(path + "/" + part(keys["a/b.*"]))["routing_key"] == "a/b.*"
    assert api.get(path + "/a%2Fb.%2A")["destination"] == name
    assert {row["source"] for row in api.get(f"/queues/%2F/{name}/bindings")} == {"", exchange}
    sources = api.get(f"/exchanges/%2F/{exchange}/bindings/source")
    assert [row["destination_type"] for row in sources].count("exchange") == 1
    assert len(api.get(f"/exchanges/%2F/{other}/bindings/destination")) == 1
    assert api.publish(name, "x", exchange=exchange, key="a/b.1") is True

    api.delete(path + "/a%2Fb.%2A")
    api.delete(path + "/" + part(keys[""]))
    assert api.get(path) == []
    api.refused(404, "DELETE", path + "/a%2Fb.%2A")
    api.refused(400, "DELETE", f"/exchanges/%2F/{exchange}?if-unused=true")
    api.delete(f"/exchanges/%2F/{exchange}")
    api.refused(404, "DELETE", f"/exchanges/%2F/{exchange}")
    assert api.get(f"/exchanges/%2F/{other}/bindings/destination") == []


def test_arguments_keep_what_they_say(api, channel, name):
    """An integer of JSON and one of AMQP are the same argument, whatever their widths."""
    channel.queue_declare(name, durable=True, arguments={"x-max-length": 5})
    api.put(f"/queues/%2F/{name}", {"durable": True, "arguments": {"x-max-length": 5}})
    other = {"durable": True, "arguments": {"x-max-length": 6}}
    assert "x-max-length" in api.refused(400, "PUT", f"/queues/%2F/{name}", other)
    assert "x-max-length" in api.refused(
        400, "PUT", f"/queues/%2F/{name}-2", {"arguments": {"x-max-length": "many"}}
    )
    deep = {"a": 1}
    for _ in range(40):
        deep = {"a": deep}
    assert "deep" in api.refused(400, "PUT", f"/queues/%2F/{name}-3", {"arguments": deep})


def test_deleting_and_purging_a_queue(api, connect, channel, name):
    fill(channel, name, "a", "b", "c")
    await_ready(channel, name, 3)
    assert "not empty" in api.refused(400, "DELETE", f"/queues/%2F/{name}?if-empty=true")
    api.delete(f"/queues/%2F/{name}/contents")
    assert ready(channel, name) == 0
    consumer = connect().channel()
    Inbox(consumer, name)
    assert "in use" in api.refused(400, "DELETE", f"/queues/%2F/{name}?if-unused=true&if-empty=true")
    api.delete(f"/queues/%2F/{name}")
    assert not is_there(connect(), name)


def test_what_belongs_to_a_connection_stays_its_own(api, channel, name):
    channel.queue_declare(name, exclusive=True)
    assert api.queue(name)["exclusive"] is True
    api.refused(400, "DELETE", f"/queues/%2F/{name}")
    api.refused(400, "DELETE", f"/queues/%2F/{name}/contents")
    api.refused(404, "POST", f"/queues/%2F/{name}/get", {"count": 1})
    assert "connection" in api.refused(400, "PUT", f"/queues/%2F/{name}-2", {"exclusive": True})


def test_names_with_anything_in_them(api, name):
    odd = name + "/ü +%#?&"
    api.put(f"/queues/%2F/{part(odd)}")
    assert api.queue(odd)["name"] == odd
    api.publish(odd, "x")
    assert api.take(odd)[0]["routing_key"] == odd
    api.delete(f"/queues/%2F/{part(odd)}")


def test_virtual_hosts(api, connect, name):
    api.expect(201, "PUT", f"/vhosts/{name}", {})
    api.expect(204, "PUT", f"/vhosts/{name}", {})
    api.put(f"/permissions/{name}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
    api.refused(400, "PUT", f"/permissions/{name}/guest", {"configure": "", "write": "", "read": ""})
    assert name in names(api.get("/vhosts")) and api.get(f"/vhosts/{name}")["name"] == name
    api.put(f"/queues/{name}/jobs")
    connection = connect(vhost=name)
    assert is_there(connection, "jobs")
    assert len(api.get(f"/vhosts/{name}/connections")) == 1
    assert names(api.get(f"/exchanges/{name}"))[0] == ""
    api.delete(f"/vhosts/{name}")
    with pytest.raises(exceptions.ConnectionClosedByBroker) as caught:
        while True:
            connection.process_data_events(1)
    assert caught.value.reply_code == 320 and "deleted" in caught.value.reply_text
    api.refused(404, "GET", f"/queues/{name}/jobs")
    api.refused(400, "DELETE", "/vhosts/%2F")


# Messages


def test_publish_and_get(api, channel, name):
    channel.queue_declare(name, durable=True)
    properties = {
        "delivery_mode": 2,
        "content_type": "text/plain",
        "headers": {"a": 1, "b": [True, "x"]},
        "timestamp": 1700000000,
    }
    assert api.publish(name, "hällo", properties=properties) is True
    assert api.publish(name, base64.b64encode(b"\xff\x00").decode(), payload_encoding="base64")
    assert api.publish(name, "lost", exchange="amq.direct", key="nobody") is False
    api.refused(404, "POST", "/exchanges/%2F/missing/publish", {"routing_key": "", "payload": ""})
    (first, second) = api.take(name, count=10, ackmode="ack_requeue_true")
    assert (first["payload"], first["payload_encoding"], first["redelivered"]) == (
        "hällo",
        "string",
        False,
    )
    assert first["properties"] == properties and first["message_count"] == 1
    assert (first["exchange"], first["routing_key"], first["payload_bytes"]) == ("", name, 6)
    assert (second["payload"], second["payload_encoding"]) == ("/wA=", "base64")
    again = api.take(name, count=1, ackmode="ack_requeue_false", truncate=1)
    assert (again[0]["payload"], again[0]["redelivered"], again[0]["payload_bytes"]) == ("h", True, 6)
    assert [row["payload"] for row in api.take(name, count=5, encoding="base64")] == ["/wA="]
    assert api.take(name) == []


def test_what_a_client_published_is_shown(api, channel, name):
    fill(channel, name, "a", durable=True)
    publish(channel, "b", to=name, headers={"n": -5}, expiration="60000", message_id="m")
    await_ready(channel, name, 2)
    seen = api.get(f"/queues/%2F/{name}/peek?count=10")
    assert [row["payload"] for row in seen] == ["a", "b"]
    assert seen[1]["properties"] == {"headers": {"n": -5}, "expiration": "60000", "message_id": "m"}
    assert api.queue(name)["messages_ready"] == 2
    assert [row["redelivered"] for row in api.take(name, count=2)] == [False, False]


def test_rejected_ones_become_dead_letters(api, channel, name):
    dead = name + "-dead"
    channel.queue_declare(dead)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    fill(channel, name, "a", arguments=arguments)
    await_ready(channel, name, 1)
    api.take(name, ackmode="reject_requeue_false")
    await_ready(channel, dead, 1)
    (letter,) = api.take(dead)
    (death,) = letter["properties"]["headers"]["x-death"]
    assert (death["queue"], death["reason"]) == (name, "rejected")


def test_messages_that_are_wrong(api, channel, name):
    channel.queue_declare(name)
    path = "/exchanges/%2F/amq.default/publish"
    good = {"properties": {}, "routing_key": name, "payload": "x", "payload_encoding": "string"}
    for change, what in (
        ({"payload": 5}, "payload"),
        ({"payload_encoding": "base64", "payload": "?"}, "base64"),
        ({"payload_encoding": "gzip"}, "payload_encoding"),
        ({"properties": {"colour": "red"}}, "colour"),
        ({"properties": {"delivery_mode": "two"}}, "delivery_mode"),
        ({"properties": {"headers": {"CC": "x"}}}, "CC"),
        ({"properties": {"user_id": "root"}}, "root"),
        ({"properties": {"expiration": "soon"}}, "soon"),
        ({"properties": {"type": "x" * 256}}, "255"),
        ({"routing_key": None}, "routing_key"),
    ):
        assert what in api.refused(400, "POST", path, {**good, **change})
    assert "ackmode" in api.refused(400, "POST", f"/queues/%2F/{name}/get", {"ackmode": "maybe"})
    assert "count" in api.refused(400, "POST", f"/queues/%2F/{name}/get", {"count": 0})
    assert api.queue(name)["messages"] == 0


def test_cc_and_bcc(api, channel, name):
    for queue in (name, name + "-cc", name + "-bcc"):
        channel.queue_declare(queue)
    headers = {"CC": [name + "-cc"], "BCC": [name + "-bcc"]}
    api.publish(name, "x", properties={"headers": headers})
    for queue in (name, name + "-cc", name + "-bcc"):
        assert api.take(queue)[0]["properties"]["headers"] == {"CC": [name + "-cc"]}


def test_a_large_message(api, channel, name):
    channel.queue_declare(name)
    payload = "x" * (5 << 20)
    assert api.publish(name, payload)
    assert api.take(name)[0]["payload"] == payload
    status, _, _ = api.ask("POST", "/exchanges/%2F/amq.default/publish", "x" * (9 << 20))
    assert status == 413


# Connections


def test_connections_channels_and_consumers(api, connect, name):
    connection = connect(client_properties={"connection_name": name})
    channel = connection.channel()
    fill(channel, name, "a", "b")
    channel.basic_qos(prefetch_count=7)
    Inbox(channel, name).wait_for(2)
    (row,) = [row for row in api.get("/connections") if row["user_provided_name"] == name]
    assert row["user"] == "guest" and row["vhost"] == "/" and row["channels"] == 1
    assert row["state"] == "running" and row["peer_host"] == "127.0.0.1"
    assert api.get("/connections/" + part(row["name"]))["name"] == row["name"]
    (one,) = api.get(f"/connections/{part(row['name'])}/channels")
    assert (one["number"], one["messages_unacknowledged"], one["consumer_count"]) == (1, 2, 1)
    assert one["name"] in names(api.get("/channels"))
    (consumer,) = [each for each in api.get("/consumers/%2F") if each["queue"]["name"] == name]
    assert consumer["prefetch_count"] == 7 and consumer["ack_required"] is True
    assert consumer["channel_details"]["connection_name"] == row["name"]


def test_a_connection_is_closed_with_a_reason(api, connect, name):
    other = connect()
    connection = connect(client_properties={"connection_name": name})
    (row,) = [row for row in api.get("/connections") if row["user_provided_name"] == name]
    path = "/connections/" + part(row["name"])
    api.delete(path, headers={"X-Reason": "maintenance at noon"})
    with pytest.raises(exceptions.ConnectionClosedByBroker) as caught:
        while True:
            connection.process_data_events(1)
    assert caught.value.reply_code == 320 and "maintenance at noon" in caught.value.reply_text
    wait_until(lambda: api.ask("GET", path)[0] == 404, "its end")
    api.refused(404, "DELETE", path)
    assert other.is_open and other.channel().is_open


# Definitions


def assert_same_definitions(one, other):
    key = lambda row: json.dumps(row, sort_keys=True)
    for section in ("vhosts", "queues", "exchanges", "bindings", "permissions"):
        assert sorted(one[section], key=key) == sorted(other[section], key=key), section


def test_what_rabbitmq_exported_is_read(make_broker):
    """Of RabbitMQ 3.10.8, as it came: two virtual hosts, every kind of binding."""
    document = (Path(__file__).parent / "rabbitmq_definitions.json").read_text()
    there = Api(make_broker(amqp=True, management=True).start().management_port)
    there.post("/definitions", document)
    assert_same_definitions(there.get("/definitions"), json.loads(document))


def test_definitions_go_out_and_come_back(api, make_broker, channel, name):
    exchange = name + "-x"
    channel.exchange_declare(exchange, "headers", durable=True)
    channel.queue_declare(name, durable=True, arguments={"x-message-ttl": 60000})
    channel.queue_declare(name + "-mine", exclusive=True)
    channel.queue_bind(name, exchange, "k", {"x-match": "any", "a": 1})
    api.put(f"/vhosts/{name}")
    api.put(f"/queues/{name}/jobs", {"durable": True, "arguments": {"x-queue-type": "quorum"}})
    out = api.get("/definitions")
    assert name in [queue["name"] for queue in out["queues"]]
    assert name + "-mine" not in [queue["name"] for queue in out["queues"]]
    other = make_broker(amqp=True, management=True).start()
    there = Api(other.management_port)
    there.post("/definitions", out)
    there.post("/definitions", out)
    assert_same_definitions(there.get("/definitions"), out)
    other.restart(clean=False)
    again = there.get("/definitions")
    assert [row for row in again["queues"] if row["name"] in (name, "jobs")] == [
        row for row in out["queues"] if row["name"] in (name, "jobs")
    ]
    assert there.get(f"/definitions/{name}")["queues"] == [
        {"name": "jobs", "durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}}
    ]
    api.delete(f"/vhosts/{name}")


def test_one_virtual_host_s_definitions(api, name):
    api.put(f"/vhosts/{name}")
    document = {
        "queues": [{"name": "q", "durable": True, "auto_delete": False, "arguments": {}}],
        "exchanges": [{"name": "x", "type": "direct", "durable": True}],
        "bindings": [
            {"source": "x", "destination": "q", "destination_type": "queue", "routing_key": "k"},
            {"source": "", "destination": "q", "destination_type": "queue", "routing_key": "q"},
        ],
    }
    api.post(f"/definitions/{name}", document)
    assert len(api.get(f"/queues/{name}/q/bindings")) == 2
    api.delete(f"/vhosts/{name}")


def test_definitions_that_can_t_be_honoured_change_nothing(api, channel, name):
    queue = {"name": name, "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
    for section, content, what in (
        ("policies", [{"name": "lazy", "vhost": "/", "pattern": ".*", "definition": {}}], "lazy"),
        ("parameters", [{"name": "up", "component": "federation"}], "up"),
        ("topic_permissions", [{"user": "guest"}], "topic_permissions"),
        ("users", [{"name": "alice", "tags": []}], "alice"),
        ("permissions", [{"user": "guest", "vhost": "/", "configure": "", "write": ".*"}], "configure"),
        ("global_parameters", [{"name": "mqtt_port_to_vhost_mapping", "value": {}}], "mqtt"),
        ("something_new", {"a": 1}, "something_new"),
        ("exchanges", [{"name": "x", "vhost": "/", "durable": "perhaps"}], "durable"),
    ):
        reason = api.refused(400, "POST", "/definitions", {"queues": [queue], section: content})
        assert section in reason and what in reason, reason
        api.refused(404, "GET", f"/queues/%2F/{name}")


# rabbitmqadmin


def test_rabbitmqadmin_declares_lists_and_deletes(admin, channel, name):
    exchange = name + "-x"
    admin("declare", "exchange", f"name={exchange}", "type=topic")
    admin("declare", "queue", f"name={name}", "durable=true", 'arguments={"x-max-length": 10}')
    admin("declare", "binding", f"source={exchange}", f"destination={name}", "routing_key=a.#")
    assert admin("publish", f"exchange={exchange}", "routing_key=a.b", "payload=one")
    assert admin("publish", f"routing_key={name}", stdin=b"two").strip().endswith("published")
    assert "NOT routed" in admin("publish", f"exchange={exchange}", "routing_key=b", "payload=x")
    table = admin("list", "queues", "name", "messages", "arguments")
    assert name in table
    (row,) = [row for row in admin.rows("list", "queues") if row["name"] == name]
    assert row["messages"] == 2
    got = admin.rows("get", f"queue={name}", "count=2", "ackmode=ack_requeue_false")
    assert [message["payload"] for message in got] == ["one", "two"]
    assert any(row["source"] == exchange for row in admin.rows("list", "bindings"))
    publish(channel, "x", to=name)
    await_ready(channel, name, 1)
    admin("purge", "queue", f"name={name}")
    assert ready(channel, name) == 0
    admin("delete", "binding", f"source={exchange}", "destination_type=queue",
          f"destination={name}", "properties_key=a.%23")  # fmt: skip
    admin("delete", "queue", f"name={name}")
    admin("delete", "exchange", f"name={exchange}")
    assert "Not found" in admin.refused("delete", "queue", f"name={name}")
    assert admin.refused("declare", "policy", "name=p", "pattern=.*", 'definition={"a":1}')


def test_rabbitmqadmin_lists_everything(admin, channel, name):
    kinds = "exchanges users vhosts permissions nodes connections channels consumers policies"
    for kind in kinds.split() + ["parameters", "operator_policies", "vhost_limits"]:
        admin("list", kind)
    assert "Millrace" in admin("-f", "long", "show", "overview", "product_name", "rabbitmq_version")


def test_rabbitmqadmin_moves_definitions(admin, channel, name, tmp_path):
    channel.queue_declare(name, durable=True)
    path = tmp_path / "definitions.json"
    admin("export", path)
    channel.queue_delete(name)
    admin("import", path)
    assert ready(channel, name) == 0


def test_rabbitmqadmin_closes_a_connection(admin, api, connect, name):
    connection = connect(client_properties={"connection_name": name})
    (row,) = [row for row in api.get("/connections") if row["user_provided_name"] == name]
    admin("close", "connection", f"name={row['name']}")
    with pytest.raises(exceptions.ConnectionClosedByBroker):
        while True:
            connection.process_data_events(1)
