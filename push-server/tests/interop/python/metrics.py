"""Reads metrics from standard input as Prometheus' own library for Python does, and writes each sample as a line of JSON: name, labels, value.

Its parser of OpenMetrics is strict: an unknown type, a family that comes twice, a counter that is not called _total, a missing # EOF all fail."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        print(json.dumps({"name": sample.name, "labels": sample.labels, "value": sample.value, "type": family.type}))
