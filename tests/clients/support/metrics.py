"""What the HTTP listener says: health, readiness and metrics.

    samples = scrape(broker)
    samples["millrace_topic_records_in_total", ("topic", "orders")]

A sample is found by its name and the pairs of its labels, in the order in which they stand.
"""

import http.client
import json
import re

SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\.)*)"(,|$)')


def get(broker, path, method="GET", timeout_s=20):
    """(status, body, headers) of a request of its own connection; OSError when there is no whole answer."""
    host, port = broker.ready["http"].rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout_s)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    except http.client.HTTPException as error:
        raise ConnectionError(f"{path}: {error!r}") from error
    finally:
        connection.close()


def readiness(broker):
    """(status, the JSON object) of /readyz."""
    status, body, headers = get(broker, "/readyz")
    assert headers["Content-Type"] == "application/json"
    return status, json.loads(body)


def labels_of(text):
    pairs, at = [], 0
    while at < len(text):
        matched = LABEL.match(text, at)
        assert matched, f"{text!r} are no labels"
        pairs.append((matched[1], re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), matched[2])))
        at = matched.end()
    return pairs


def parse(text):
    """{(name, (label, value), ...): number} of a page; refuses what is not the format."""
    samples, types, helped, seen = {}, {}, set(), []
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in helped, f"{name} twice"
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram") and name in helped
            types[name] = kind
            seen.append(name)
        else:
            matched = SAMPLE.match(line)
            assert matched, f"{line!r} is no sample"
            name, labels, number = matched.groups()
            # the samples of one metric stand together, below what is said of it
            family = re.sub(r"_(bucket|sum|count)$", "", name) if name not in types else name
            assert seen and seen[-1] == family, f"{line!r} stands in the wrong place"
            key = (name, *labels_of(labels or ""))
            assert key not in samples, f"{key} twice"
            samples[key] = float(number)
    assert text.endswith("\n")
    return samples, types


def scrape(broker):
    status, body, headers = get(broker, "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return parse(body)[0]
