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
