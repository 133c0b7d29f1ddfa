"""What /metrics tells of AMQP."""

import pytest

from amqp_clients import Inbox, confirming, fill, get, publish
from support import metrics
from support.waiting import wait_until


@pytest.fixture
def watched(make_broker):
    return make_broker(amqp=True, http=True).start()


def test_connections_and_messages_are_counted(watched, connect_to, name):
    def told(what):
        return metrics.scrape(watched)[f"millrace_amqp_{what}",]

    assert told("connections") == 0
    connection = connect_to(watched)
    channel = confirming(connection)
    fill(channel, name, "a", "b", "c")
    Inbox(channel, name).wait_for(3)
    assert get(channel, name) is None
    assert told("connections") == told("connections_accepted_total") == 1
    assert told("messages_published_total") == 3
    assert told("messages_delivered_total") == 3
    publish(channel, "d", to="nowhere")
    assert told("messages_published_total") == 4
    connection.close()
    wait_until(lambda: told("connections") == 0, "the end of the connection")
    assert told("connections_accepted_total") == 1
