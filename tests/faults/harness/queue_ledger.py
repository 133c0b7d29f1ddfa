"""What publishers and workers of queues did and were told, and whether all of it can be true.

    ledger = Ledger()                        # clients write into it, from any thread
    ledger.publish("p1", 7, ("plain",))      # before it is sent
    ledger.confirmed("p1", 7)
    ledger.deliver(session, "plain", 3, "p1 7", marked=False)
    ledger.settle(session, 3, "ack")         # before it is sent
    ledger.durable(session)                  # channel.close-ok or tx.commit-ok
    problems = check(ledger.events, RULES)   # sentences; an empty list is what we want

A session is a channel of one life of the broker. What a client reads late belongs to the life in which
its session began: events are looked at life by life, and in the order in which they were written down.

The outcomes of a delivery: "ack" and "reject" (not requeued) remove it, "requeue" and "fail" (requeued,
and it counts towards the delivery limit) give it back. Each is only asked for until `durable`; `end`
gives back what is still held.
"""

import time
from collections import Counter, defaultdict
from typing import NamedTuple

SHOWN = 20
REMOVALS = ("ack", "reject")
UNSEEN = ("expired", "maxlen")  # what dies of these may never have been delivered
# A crash within the flush behind a delivery may lose its mark (docs/amqp.md): so long ago there was one.
MARK_IS_DURABLE_S = 5.0


class Rule(NamedTuple):
    """Of a queue: the queues that each dead letter goes to, why, and after how many failures; or the
    queue in which it waits until it comes again (and then each round is one more death in both)."""

    dead: tuple = ()
    reason: str = ""
    limit: int | None = None
    waits_in: str = ""


class Event(NamedTuple):
    what: str
    life: int
    at: float
    who: str  # the publisher, or the session
    number: int = 0  # of the publish; the delivery tag
    queue: str = ""
    message: str = ""
    marked: bool = False
    deaths: tuple = ()  # (queue, reason, count)
    outcome: str = ""
    queues: tuple = ()


class Ledger:
    """Only ever appended to, by one call for each event: no lock is needed."""

    def __init__(self):
        self.events = []
        self.life = 0
        self.counts = Counter()
        self.awaited = None

    def write(self, what, who, life=None, **more):
        when = time.monotonic()
        self.events.append(Event(what, self.life if life is None else life, when, who, **more))
        self.counts[what] += 1
        awaited = self.awaited
        if awaited and awaited[0] == what:
            self.awaited = None
            awaited[1]()

    def on_next(self, what, act):
        """`act` is called by who writes down the next event of this kind, at once."""
        self.awaited = (what, act)

    def killed(self):
        """After the end of the process, before the next begins."""
        self.write("killed", "")
        self.life += 1

    def publish(self, who, number, queues):
        self.write("publish", who, number=number, queues=queues)

    def confirmed(self, who, number):
        self.write("confirmed", who, number=number)

    def withdrawn(self, who, number):
        """Rolled back, or never committed."""
        self.write("withdrawn", who, number=number)

    def deliver(self, session, queue, tag, message, marked, deaths=()):
        self.write(
            "deliver",
            session.name,
            session.life,
            number=tag,
            queue=queue,
            message=message,
            marked=marked,
            deaths=tuple(deaths),
        )

    def settle(self, session, tag, outcome):
        self.write("settle", session.name, session.life, number=tag, outcome=outcome)

    def durable(self, session):
        self.write("durable", session.name, session.life)

    def rollback(self, session):
        """What was settled since the last commit is held again."""
        self.write("rollback", session.name, session.life)

    def end(self, session):
        """Before the close is sent: what is held may be somebody else's from now on."""
        self.write("end", session.name, session.life)


class Copy:
    """What is known of a message in one queue."""

    def __init__(self):
        self.deliveries = 0
        self.last = None  # (session, tag) of the last delivery
        self.last_life = -1
        self.last_at = 0.0
        self.held = False
        self.outcome = ""  # of the last delivery, as it was asked for
        self.removed = False  # for good: that is durable
        self.failures = 0  # that are durable
        self.rounds = 0  # of those that come again after a rejection


class Session:
    def __init__(self):
        self.tags = {}  # tag -> (queue, message) that it has
        self.settled = []  # (tag, (queue, message), outcome) since the last durable
        self.newest = {}  # (queue, publisher) -> number of the last unmarked one


class Checker:
    def __init__(self, rules):
        self.rules = rules
        self.problems = []
        self.published = {}  # message -> queues
        self.fate = {}  # message -> confirmed, withdrawn
        self.copies = defaultdict(Copy)  # (queue, message)
        self.sessions = defaultdict(Session)
        self.kills = {}  # life -> when it ended
        self.sources = defaultdict(set)  # dead-letter queue -> its sources
        for queue, rule in rules.items():
            for dead in rule.dead:
                self.sources[dead].add(queue)

    def complain(self, text):
        self.problems.append(text)

    def look(self, events):
        """Publishes are known from the start: who sends it and who gets it write independently."""
        for event in events:
            message = f"{event.who} {event.number}"
            if event.what == "publish":
                if message in self.published:
                    self.complain(f"{message} was published twice: a fault of the test")
                self.published[message] = event.queues
            elif event.what in ("confirmed", "withdrawn"):
                self.fate[message] = event.what
            elif event.what == "killed":
                self.kills[event.life] = event.at
        for event in sorted(events, key=lambda each: each.life):
            handler = getattr(self, f"on_{event.what}", None)
            if handler:
                handler(event)

    def on_deliver(self, event):
        queue, message = event.queue, event.message
        session = self.sessions[event.who]
        copy = self.copies[queue, message]
        name = f"{message} of {queue}"
        self.check_origin(event)
        rule = self.rules[queue]
        if rule.waits_in and self.is_next_round(event, copy, rule):
            copy = self.copies[queue, message] = self.next_round(copy)
        if copy.removed:
            self.complain(f"{name} came back after its {copy.outcome} was durable")
        elif copy.held and copy.last_life == event.life:
            self.complain(f"{name} was given to {event.who}, and {copy.last[0]} had it")
        if rule.limit is not None and copy.failures > rule.limit:
            self.complain(f"{name} circles: {copy.failures} failures, and the limit is {rule.limit}")
        self.check_mark(event, copy)
        self.check_order(event, session)
        session.tags[event.number] = (queue, message)
        copy.deliveries += 1
        copy.last, copy.last_life, copy.last_at = (event.who, event.number), event.life, event.at
        copy.held, copy.outcome, copy.removed = True, "", False

    def is_next_round(self, event, copy, rule):
        """A rejection made it wait and come again: told by its deaths, one more in both queues."""
        rounds = copy.rounds + (copy.outcome == "reject")
        told = ((rule.waits_in, "expired", rounds), (event.queue, rule.reason, rounds))
        if rounds > copy.rounds and event.deaths == told:
            return True
        same = ((rule.waits_in, "expired", copy.rounds), (event.queue, rule.reason, copy.rounds))
        if event.deaths != (same if copy.rounds else ()):
            self.complain(f"{event.message} of {event.queue} tells the deaths {event.deaths}")
        return False

    @staticmethod
    def next_round(copy):
        found = Copy()
        found.rounds = copy.rounds + 1
        return found

    def check_origin(self, event):
        queue, message = event.queue, event.message
        where = self.published.get(message, ())
        if self.fate.get(message) == "withdrawn":
            self.complain(f"{message} came from {queue}, and its transaction was never committed")
        elif queue not in self.sources:
            if queue not in where:
                self.complain(f"invented: {message!r} in {queue}")
        else:
            source = next((each for each in where if each in self.sources[queue]), None)
            if source is None:
                self.complain(f"invented: {message!r} in {queue}, where it can't have died")
            elif event.deaths != ((source, self.rules[source].reason, 1),):
                self.complain(f"{message} in {queue} tells the deaths {event.deaths}")

    def check_mark(self, event, copy):
        if event.marked or copy.deliveries == 0:
            return
        name = f"{event.message} of {event.queue}"
        if copy.last_life == event.life:
            self.complain(f"{name} came again without its mark")
        elif self.kills[copy.last_life] - copy.last_at > MARK_IS_DURABLE_S:
            self.complain(f"{name} came again without its mark, long after it came first")

    def check_order(self, event, session):
        if event.marked or event.queue in self.sources or self.rules[event.queue].waits_in:
            return
        publisher, number = event.message.rsplit(" ", 1)
        last = session.newest.get((event.queue, publisher), -1)
        if int(number) < last:
            self.complain(f"{event.message} of {event.queue} came after {publisher} {last}")
        session.newest[event.queue, publisher] = int(number)

    def on_settle(self, event):
        session = self.sessions[event.who]
        key = session.tags.pop(event.number)
        session.settled.append((event.number, key, event.outcome))
        copy = self.copies[key]
        copy.outcome = event.outcome
        copy.held = event.outcome in REMOVALS

    def on_durable(self, event):
        session = self.sessions[event.who]
        for tag, key, outcome in session.settled:
            copy = self.copies[key]
            if outcome == "fail":
                copy.failures += 1
            elif outcome in REMOVALS and copy.last == (event.who, tag):
                copy.removed = True
            elif outcome in REMOVALS and not self.rules[key[0]].waits_in:
                self.complain(f"{key[1]} of {key[0]} came again after its {outcome}, which was good")
        session.settled = []

    def on_rollback(self, event):
        session = self.sessions[event.who]
        for tag, key, _outcome in session.settled:
            session.tags[tag] = key
            self.copies[key].outcome = ""
        session.settled = []

    def on_end(self, event):
        session = self.sessions[event.who]
        keys = [*session.tags.items(), *((tag, key) for tag, key, _ in session.settled)]
        for tag, key in keys:
            if self.copies[key].last == (event.who, tag):
                self.copies[key].held = False
        session.tags = {}

    # When all queues are empty.

    def conclude(self):
        for message, queues in self.published.items():
            for queue in queues:
                self.conclude_one(message, queue)

    def conclude_one(self, message, queue):
        rule = self.rules[queue]
        copy = self.copies.get((queue, message))
        buried = [dead for dead in rule.dead if (dead, message) in self.copies]
        missing = [dead for dead in rule.dead if dead not in buried]
        name = f"{message} of {queue}"
        if copy is None:
            unseen = buried and rule.reason in UNSEEN
            if self.fate.get(message) == "confirmed" and not unseen:
                self.complain(f"lost: {name}, which was confirmed, never came")
        elif copy.outcome == "reject" and rule.waits_in:
            self.complain(f"lost: {name} was rejected, and did not come again")
        elif copy.outcome == "reject" and rule.dead:
            if missing:
                self.complain(f"lost: {name} was rejected, and is not in {', '.join(missing)}")
        elif copy.outcome not in REMOVALS and not (buried and rule.reason != "rejected"):
            self.complain(f"lost: {name} was not removed ({copy.outcome or 'held'}), and is gone")
        if buried:
            self.check_death(name, copy, rule, buried[0])
            if missing and not (copy and copy.outcome == "reject"):
                self.complain(f"{name} is in {buried[0]}, and not in {', '.join(missing)}")

    def check_death(self, name, copy, rule, dead):
        deliveries = copy.deliveries if copy else 0
        if copy and copy.outcome == "ack" and copy.removed:
            self.complain(f"{name} was acknowledged, which was durable, and is in {dead}")
        elif rule.reason == "rejected" and (copy is None or copy.outcome != "reject"):
            self.complain(f"{name} was not rejected, and is in {dead}")
        elif rule.limit is not None and deliveries <= rule.limit:
            self.complain(f"{name} came {deliveries} times only, and is in {dead}")


def figures(events):
    """How often what happened: a run in which hardly anything did proves nothing."""
    found = Counter(event.what for event in events)
    found.update(event.outcome for event in events if event.what == "settle")
    found.update(event.queue for event in events if event.what == "deliver")
    lives = defaultdict(set)
    for event in events:
        if event.what == "deliver":
            lives[event.queue, event.message].add(event.life)
    found["over a kill"] = sum(len(each) > 1 for each in lives.values())
    came = {message for _queue, message in lives}
    told = {f"{event.who} {event.number}" for event in events if event.what == "confirmed"}
    found["unconfirmed, and came"] = len(came - told)
    return found


def shown(problems, count=SHOWN):
    more = len(problems) - count
    return problems[:count] + ([f"and {more} more"] if more > 0 else [])


def check(events, rules, left=(), shown_max=SHOWN):
    """`left`: {queue: how many messages are there still}, of the queues that were worked empty."""
    checker = Checker(rules)
    checker.look(events)
    checker.conclude()
    for queue, count in dict(left).items():
        if count:
            checker.complain(f"{count} are left in {queue}, though nobody holds any")
    return shown(checker.problems, shown_max)


def check_log(events, queue, messages, answered=None):
    """The queue read as a topic, nothing of which was reclaimed: once each. `answered`: how many of the
    events were there before it was read, when others came since."""
    problems = []
    published, confirmed = set(), set()
    for at, event in enumerate(events):
        message = f"{event.who} {event.number}"
        if event.what == "publish" and queue in event.queues:
            published.add(message)
        elif event.what == "confirmed" and message in published:
            if answered is None or at < answered:
                confirmed.add(message)
    for message, count in Counter(messages).items():
        if message not in published:
            problems.append(f"invented: {message!r} in the log of {queue}")
        if count > 1:
            problems.append(f"{message} is {count} times in the log of {queue}")
    missing = sorted(confirmed - set(messages))
    problems += [f"lost: {message} is not in the log of {queue}" for message in missing]
    newest = {}
    for message in messages:
        who, number = message.rsplit(" ", 1)
        if int(number) < newest.get(who, -1):
            problems.append(f"{message} stands behind {who} {newest[who]} in the log of {queue}")
        newest[who] = int(number)
    return shown(problems)
