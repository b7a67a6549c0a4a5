#!/usr/bin/env python3
"""Makes the first corpora of the fuzz targets from the vectors: python3 fuzz/seeds.py (from the crate's folder)."""

import json
import pathlib

MAX_BYTES = 300
VECTORS = pathlib.Path("tests/vectors")
CORPUS = pathlib.Path("fuzz/corpus")


def lines(name):
    for line in (VECTORS / f"{name}.jsonl").read_text().splitlines():
        try:
            yield json.loads(line)
        except RecursionError:
            pass


def put(target, name, data):
    if len(data) <= MAX_BYTES:
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
        (folder / safe).write_bytes(data)


for file in ["binary", "lists", "maps", "objects", "refs", "scalars", "strings"]:
    for vector in lines(file):
        if "hex" in vector:
            data = bytes.fromhex(vector["hex"])
            put("decode", f"{file}-{vector['name']}", data)
            if file != "scalars":
                put("push_equals_slice", f"{file}-{vector['name']}", bytes([2, 1, 3, 7]) + data)
                put("round_trip", f"{file}-{vector['name']}", data)
for vector in lines("malformed"):
    if "hex" in vector and not vector["name"].startswith(("tag_", "prefix_")):
        put("decode", f"malformed-{vector['name']}", bytes.fromhex(vector["hex"]))
        put("push_equals_slice", f"malformed-{vector['name']}", bytes([0, 1]) + bytes.fromhex(vector["hex"]))
for vector in lines("draft"):
    if "hex" in vector:
        put("draft", vector["name"], bytes.fromhex(vector["hex"]))
for vector in lines("hessian1"):
    if "hex" in vector:
        put("messages" if "call" in vector or "reply" in vector else "one", vector["name"], bytes.fromhex(vector["hex"]))
for file in ["streaming", "streaming-legacy"]:
    for vector in lines(file):
        if "hex" in vector:
            choice = ["ws", "p", "varint", "marked"].index(vector["framing"])
            put("packets", f"{file}-{vector['name']}", bytes([choice, 1, 5, 2]) + bytes.fromhex(vector["hex"]))
for file in ["rpc", "envelope", "testhessian2"]:
    for vector in lines(file):
        for key in ["request_hex", "reply_hex", "hex"]:
            if key in vector and (key != "hex" or "value" not in vector or file == "envelope"):
                put("messages", f"{file}-{vector['name']}-{key}", bytes.fromhex(vector[key]))


def text(value):
    data = value.encode()
    return (bytes([len(data)]) if len(data) < 32 else bytes([0x30, len(data)])) + data


def define(name, *fields):
    return b"C" + text(name) + bytes([0x90 + len(fields)]) + b"".join(text(field) for field in fields)


# Values of the structs and enums in targets/typed.rs.
TICK = define("example.Tick", "symbol", "bid", "size", "flags", "venue", "at", "next")
tick = text("ABC") + b"\x5c" + b"\xe1" + b"\x91" + text("X") + bytes.fromhex("4b00e38383")
ADD = define("example.AddString", "value")
MOVE = define("example.Move", "x", "y")
put("typed", "tick", TICK + b"\x60" + tick + b"N")
put("typed", "tick-linked", TICK + b"\x60" + tick + b"\x60" + tick + b"N")
put("typed", "ticks", b"\x7a" + TICK + b"\x60" + tick + b"N\x60" + tick + b"N")
put("typed", "tick-shared", b"\x7a" + TICK + b"\x60" + tick + b"NQ\x91")
put("typed", "tick-cycle", TICK + b"\x60" + tick + b"Q\x90")
put("typed", "tick-map", b"H" + text("symbol") + text("A") + text("bid") + b"\x5b" + text("size") + b"\xe0" + text("flags") + b"\x90" + text("at") + bytes.fromhex("4b00e38383") + b"Z")
put("typed", "add", ADD + b"\x60" + text("hello"))
put("typed", "move", MOVE + b"\x60\x91\x5c")
put("typed", "updates", b"\x7c" + ADD + b"\x60" + text("a") + MOVE + b"\x61\x91\x5c" + text("Red") + b"H" + text("Count") + b"\x91Z")
put("typed", "pair", b"H" + text("Pair") + b"\x7a\x91TZ")
put("typed", "nested", b"H" + text("Nested") + b"H" + text("Many") + b"\x79" + text("Red") + b"ZZ")
put("typed", "strings-to-ints", b"H" + text("a") + b"\x7a\x91\x92Z")
put("typed", "longs-to-booleans", b"H\xe1T\xe2NZ")
put("typed", "tuple", b"\x7c\x91\xe1\x5c\x01a")
put("typed", "borrowed", b"\x7b\x01aN" + bytes.fromhex("4b00e38383"))
for index, vector in enumerate(v for file in ["objects", "lists", "maps"] for v in lines(file) if "hex" in v):
    if index % 6 == 0:
        put("typed", f"vector-{vector['name']}", bytes.fromhex(vector["hex"]))

for name in ["objects", "refs", "draft", "hessian1", "streaming", "streaming-legacy", "rpc", "envelope"]:
    for index, vector in enumerate(v for v in lines(name) if "hex" in v):
        if index % 12 == 0:
            put("dump", f"{name}-{vector['name']}", bytes.fromhex(vector["hex"]))

for index, json_text in enumerate(
    [
        "null", "true", "5", "5000000000", "5.0", "-0.0", "1e300", '"text"', "[]", "[1,[2,[3]]]", "{}", '{"a":1,"b":[null]}',
        '{"$long":"5"}', '{"$long":"-9223372036854775808"}', '{"$double":"NaN"}', '{"$double":"0x7ff8000000000001"}',
        '{"$date":894621091000}', '{"$date":"9223372036854775807"}', '{"$binary":"AQI="}', '{"$utf16":"d83d0041"}',
        '{"$type":"[int","$list":[1,2]}', '{"$open":true,"$list":[]}', '{"$type":"java.util.TreeMap","a":1}',
        '{"$map":[[1,"a"],[null,"b"]]}', '{"$class":"example.AddString","value":"hi"}',
        '{"$class":"x.Y","$members":[["a",1],["a",2]]}', '{"$id":0,"$list":[{"$ref":0}]}',
        '{"$id":1,"a":{"$ref":1}}', '{"$type":"example.Api","$remote":"http://x"}', '{"$remote":{"$utf16":"d800"}}',
        '{"$roots":[1,2]}', '{"$roots":[]}', '{"$id":0,"$class":"a.B","x":{"$ref":0}}',
    ]
):
    put("json", f"text-{index}", json_text.encode())
for index, vector in enumerate(v for file in ["objects", "refs", "maps"] for v in lines(file) if "hex" in v):
    if index % 8 == 0:
        put("json", f"value-{vector['name']}", bytes.fromhex(vector["hex"]))
