#!/usr/bin/env python3
"""Makes the first corpora of the fuzz targets: python3 fuzz/seeds.py (from the crate's folder)."""

import base64
import json
import pathlib
import urllib.parse

CORPUS = pathlib.Path("fuzz/corpus")
VECTORS = pathlib.Path("../hessian/tests/vectors")


def put(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


texts = ["", "hello", "a+b &=%", "</script>", "\u2028\u2029\0", "gr\u00fcn \U0001f30d", "null", '{"a":[1]}', "x" * 300]
for number, text in enumerate(texts):
    quoted = urllib.parse.quote(text)
    plus = urllib.parse.quote_plus(text)
    put("form", f"query-{number}", f"streamId=news&message={quoted}&_=17".encode())
    put("form", f"body-{number}", f"streamId=news\nclientId=&message={plus}".encode())
    put("form", f"direct-{number}", f"client=bob&clientId=ann&streamId=news&message={plus}".encode())
for number, odd in enumerate(["message=%ff&streamId=news", "message=%ed%a0%80&streamId=news", "message=%&streamId=news",
                              "message=%4&streamId=news", "message&streamId=news", "streamId=news&message=1\nmessage=2",
                              "streamId=news", "&&=&=1&message==&%73treamId=news", "streamId=a/b&message=1",
                              "streamId=news&message=1&clientId=%3Cb%3E"]):
    put("form", f"odd-{number}", odd.encode())

values = ["null", "true", "[]", "{}", '"\\ud83d\\ude00"', '"\\ud800"', "1e999", "-0.0", "18446744073709551615", "[1,2.5,{\"a\":null}]",
          ' {"__proto__":1,"a":1,"a":2} ', '"\\u0000\\u2028"', "[" * 60 + "]" * 60, "[" * 128 + "]" * 128, "1 2", "{", '"x', "nul",
          "9223372036854775808", "0x1", "\ufeff1", '"' + "x" * 400 + '"']
for number, value in enumerate(values):
    put("send", f"json-{number}", value.encode())
    put("publish", f"json-{number}", bytes([0]) + value.encode())
    put("publish", f"batch-{number}", bytes([1]) + f"[{value},{value}]".encode())
    put("publish", f"lines-{number}", bytes([7]) + f"{value}\n\n{value}\r\n".encode())
for name, choice, body in [("json", 0, b"null"), ("hessian", 3, b"N"), ("hessian-x", 9, b"N")]:
    put("publish", f"null-{name}", bytes([choice]) + body)
tokens = ["publish-0123456789abcdef", "send-0123456789abcdef+/~", "read-0123456789abcdef._-"]
number = 0
for what in range(3):
    for token in tokens:
        quoted = urllib.parse.quote(token, safe="")
        basic = base64.b64encode(f"user:{token}".encode()).decode()
        for query, *fields in [("", f"Bearer {token}"), ("", f"bearer  {token} "), ("", f"Basic {basic}"), (f"token={quoted}",),
                               (f"token={token}", f"Bearer {token}"), ("", f"Bearer {token}", f"Bearer {token}"),
                               (f"token={quoted}&token={quoted}",), ("", f"Bearer {token[:-1]}"), ("", f"Bearer {token}x")]:
            put("token", f"{number}", bytes([what]) + "\n".join([query, *fields]).encode())
            number += 1
for what, odd in enumerate([b"", b"token=", b"\nBearer", b"\nBearer \xff", b"\nBasic !", b"\nBasic Og==", b"\nNegotiate x", b"token=%ff"]):
    put("token", f"odd-{what}", bytes([what % 3]) + odd)
put("send", "not-utf-8", b'"\xff"')
count = 0
for file in ["scalars", "strings", "lists", "maps", "objects", "refs", "malformed"]:
    for line in (VECTORS / f"{file}.jsonl").read_text().splitlines():
        try:
            vector = json.loads(line)
        except RecursionError:
            continue
        if "hex" in vector and len(vector["hex"]) < 200:
            count += 1
            if count % 8 == 0:
                data = bytes.fromhex(vector["hex"])
                put("publish", f"hessian-{count}", bytes([3]) + data)
                put("publish", f"hessian-batch-{count}", bytes([4]) + data + data)
