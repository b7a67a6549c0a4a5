"""python-hessian as a client of Hessian services: calls.py URL VECTORS 1|2. It writes calls in Hessian 1 alone; 2 asks for replies in Hessian 2.

Calls each method that VECTORS (testhessian2.jsonl) names; a line for each call that went wrong, then `N passed, N failed`.
"""

import base64
import datetime
import gzip
import json
import struct
import sys

from pyhessian.client import HessianProxy
from pyhessian.data_types import long
from pyhessian.protocol import Binary, Object, object_factory

EPOCH = datetime.datetime(1970, 1, 1)


def text(value):
    return value["v"] if "v" in value else gzip.decompress(base64.b64decode(value["utf8_gz_b64"])).decode()


def octets(value):
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    if "gz_b64" in value:
        return gzip.decompress(base64.b64decode(value["gz_b64"]))
    return b"".join(bytes.fromhex(unit) * count for unit, count in value["rep"])


def double(value):
    return struct.unpack(">d", bytes.fromhex(value["bits"]))[0]


def build(value, ids):
    """The value as python-hessian wants it."""
    kind = value["t"]
    if kind == "null":
        return None
    if kind in ("bool", "int"):
        return value["v"]
    if kind == "long":
        return long(value["v"])
    if kind == "double":
        return double(value)
    if kind == "date":
        return EPOCH + datetime.timedelta(milliseconds=int(value["ms"]))
    if kind == "string":
        return text(value)
    if kind == "binary":
        return Binary(octets(value))
    if kind == "ref":
        return ids[value["id"]]
    if kind == "list":
        ids[value["id"]] = found = []
        found.extend(build(item, ids) for item in value["v"])
    elif kind == "map":
        ids[value["id"]] = found = {}
        for key, item in value["v"]:
            key = build(key, ids)
            found[tuple(key) if isinstance(key, list) else key] = build(item, ids)
    else:
        names = [name for name, _ in value["f"]]
        ids[value["id"]] = found = object_factory(value["class"], names)
        for name, item in value["f"]:
            setattr(found, name, build(item, ids))
    return found


def wanted(value):
    """What it should decode to, as text: lists and maps have no types in Python, and dates no milliseconds."""
    kind = value["t"]
    if kind == "null":
        return "None"
    if kind in ("bool", "int"):
        return repr(value["v"])
    if kind == "long":
        return "long " + value["v"]
    if kind == "double":
        return "double " + repr(double(value))
    if kind == "date":
        return "date " + value["ms"]
    if kind == "string":
        return repr(text(value))
    if kind == "binary":
        return "binary " + octets(value).hex()
    if kind == "ref":
        return "ref #%d" % value["id"]
    if kind == "list":
        return "[%s]" % ", ".join(wanted(item) for item in value["v"])
    if kind == "map":
        return "{%s}" % ", ".join("%s: %s" % (wanted(key), wanted(item)) for key, item in value["v"])
    return "%s(%s)" % (value["class"], ", ".join("%s=%s" % (name, wanted(item)) for name, item in value["f"]))


def found(value, seen):
    """What it decoded to."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, long):
        return "long %d" % value
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        return "double " + repr(value)
    if isinstance(value, datetime.datetime):
        return "date %d" % ((value - EPOCH) / datetime.timedelta(milliseconds=1))
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, (Binary, bytes)):
        return "binary " + (value.value if isinstance(value, Binary) else value).hex()
    if id(value) in seen:
        return "ref #%d" % seen[id(value)]
    seen[id(value)] = len(seen)
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(found(item, seen) for item in value)
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (found(key, seen), found(item, seen)) for key, item in value.items())
    if isinstance(value, Object):
        name = type(value).__module__ + "." + type(value).__name__
        fields = ", ".join("%s=%s" % (field, found(item, seen)) for field, item in value.__getstate__().items())
        return "%s(%s)" % (name, fields)
    return "%s %r" % (type(value), value)


def main():
    url, vectors, version = sys.argv[1:]
    passed = failed = 0
    for line in open(vectors, encoding="utf-8"):
        vector = json.loads(line)
        name = vector["name"]
        args = vector["call"]["args"] if "call" in vector else []
        want = "None" if name == "methodNull" else "True" if "call" in vector else wanted(vector["value"])
        try:
            ids = {}
            # A proxy reads one reply in Hessian 2: the next one's `H` is an "invalid message marker" to it.
            service = HessianProxy(url, version=int(version))
            answer = found(getattr(service, name)(*[build(arg, ids) for arg in args]), {})
        except Exception as problem:  # a client's bug may be of any kind
            answer = "raised %s: %s" % (type(problem).__name__, " ".join(str(problem).split()))
        if answer == want:
            passed += 1
        else:
            failed += 1
            print("FAILED %s: wanted %s, not %s" % (name, want[:200], answer[:400]))
    print("%d passed, %d failed" % (passed, failed))


main()
