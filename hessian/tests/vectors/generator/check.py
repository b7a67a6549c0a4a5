#!/usr/bin/env python3
"""Independent check of the vectors: a second decoder (Python) of the final Hessian 2.0 grammar, compared with the recorded values.

Usage: check.py DIR [file...]. Lines of other grammars, old
releases' streams (whose packet boundaries need a real reader) and envelopes are counted as skipped."""
import sys, json, gzip, base64, struct, os
sys.setrecursionlimit(20000)
class Eof(Exception): pass
class Bad(Exception): pass
def data(r, k='hex'):
    return bytes.fromhex(r[k]) if k in r else gzip.decompress(base64.b64decode(r[k + '_gz_b64']))
class D:
    def __init__(s, b, types=None, defs=None): s.b = b; s.p = 0; s.refs = 0; s.types = types if types is not None else []; s.defs = defs if defs is not None else []
    def take(s, n):
        if s.p + n > len(s.b): raise Eof()
        r = s.b[s.p:s.p + n]; s.p += n; return r
    def num(s, f): return struct.unpack('>' + f, s.take(struct.calcsize(f)))[0]
    def peek(s):
        if s.p >= len(s.b): raise Eof()
        return s.b[s.p]
    def int_(s):
        t = s.num('B')
        if 0x80 <= t <= 0xbf: return t - 0x90
        if 0xc0 <= t <= 0xcf: return (t - 0xc8) * 256 + s.num('B')
        if 0xd0 <= t <= 0xd7: return (t - 0xd4) * 65536 + s.num('H')
        if t == 0x49: return s.num('i')
        raise Bad('int %02x' % t)
    def chunk(s, n):
        o = []
        while n:
            c = s.num('B'); n -= 1
            if c < 0x80: o.append(c)
            elif c >> 5 == 6: o.append((c & 31) << 6 | s.cont())
            elif c >> 4 == 14: a = s.cont(); o.append((c & 15) << 12 | a << 6 | s.cont())
            else: raise Bad('utf8')
        return o
    def cont(s):
        c = s.num('B')
        if c >> 6 != 2: raise Bad('cont')
        return c & 63
    def str_(s):
        o = []
        while 1:
            t = s.num('B')
            if t < 0x20: return s.units(o + s.chunk(t))
            if 0x30 <= t <= 0x33: return s.units(o + s.chunk((t - 0x30) * 256 + s.num('B')))
            if t == 0x53: return s.units(o + s.chunk(s.num('H')))
            if t == 0x52: o += s.chunk(s.num('H')); continue
            raise Bad('string %02x' % t)
    def units(s, o): return struct.pack('>%dH' % len(o), *o).hex()
    def bin_(s):
        o = b''
        while 1:
            t = s.num('B')
            if 0x20 <= t <= 0x2f: return o + s.take(t - 0x20)
            if 0x34 <= t <= 0x37: return o + s.take((t - 0x34) * 256 + s.num('B'))
            if t == 0x42: return o + s.take(s.num('H'))
            if t == 0x41: o += s.take(s.num('H')); continue
            raise Bad('binary %02x' % t)
    def type_(s):
        t = s.peek()
        if t < 0x20 or 0x30 <= t <= 0x33 or t in (0x52, 0x53): s.types.append(s.str_()); return s.types[-1]
        i = s.int_()
        if not 0 <= i < len(s.types): raise Bad('type ref')
        return s.types[i]
    def val(s, d=0):
        if d > 1500: raise Bad('depth')
        t = s.peek()
        if 0x80 <= t <= 0xd7 or t == 0x49: return ('int', s.int_())
        if t < 0x20 or 0x30 <= t <= 0x33 or t in (0x52, 0x53): return ('string', s.str_())
        if 0x20 <= t <= 0x2f or 0x34 <= t <= 0x37 or t in (0x41, 0x42): return ('binary', s.bin_().hex())
        s.p += 1; dbl = lambda x: ('double', struct.pack('>d', x).hex())
        if 0xd8 <= t <= 0xef: return ('long', t - 0xe0)
        if t >= 0xf0: return ('long', (t - 0xf8) * 256 + s.num('B'))
        if 0x38 <= t <= 0x3f: return ('long', (t - 0x3c) * 65536 + s.num('H'))
        if 0x60 <= t <= 0x6f: return s.obj(t - 0x60, d)
        if 0x70 <= t <= 0x77: ty = s.type_(); return s.list_(ty, t - 0x70, d)
        if 0x78 <= t <= 0x7f: return s.list_(None, t - 0x78, d)
        if t == 0x4e: return ('null',)
        if t == 0x54: return ('bool', True)
        if t == 0x46: return ('bool', False)
        if t == 0x4c: return ('long', s.num('q'))
        if t == 0x59: return ('long', s.num('i'))
        if t == 0x5b: return dbl(0.0)
        if t == 0x5c: return dbl(1.0)
        if t == 0x5d: return dbl(s.num('b'))
        if t == 0x5e: return dbl(s.num('h'))
        if t == 0x5f: return dbl(0.001 * s.num('i'))
        if t == 0x44:
            b = s.take(8); return ('double', b.hex())
        if t == 0x4a: return ('date', s.num('q'))
        if t == 0x4b: return ('date', s.num('i') * 60000)
        if t == 0x56: ty = s.type_(); return s.list_(ty, s.cnt(), d)
        if t == 0x58: return s.list_(None, s.cnt(), d)
        if t == 0x55: ty = s.type_(); return s.list_(ty, None, d)
        if t == 0x57: return s.list_(None, None, d)
        if t in (0x48, 0x4d):
            ty = s.type_() if t == 0x4d else None; i = s.refs; s.refs += 1; v = []
            while s.peek() != 0x5a: k = s.val(d + 1); v.append((k, s.val(d + 1)))
            s.p += 1; return ('map', i, ty, v)
        if t == 0x43:
            n = s.str_(); c = s.cnt(); f = []
            for _ in range(c): f.append(s.str_())
            s.defs.append((n, f)); return s.val(d + 1)
        if t == 0x4f: return s.obj(s.int_(), d)
        if t == 0x51:
            i = s.int_()
            if not 0 <= i < s.refs: raise Bad('ref')
            return ('ref', i)
        raise Bad('tag %02x' % t)
    def cnt(s):
        n = s.int_()
        if n < 0: raise Bad('count')
        return n
    def list_(s, ty, n, d):
        i = s.refs; s.refs += 1; v = []
        if n is None:
            while s.peek() != 0x5a: v.append(s.val(d + 1))
            s.p += 1
        else:
            for _ in range(n): v.append(s.val(d + 1))
        return ('list', i, ty, v)
    def obj(s, c, d):
        if not 0 <= c < len(s.defs): raise Bad('class ref')
        i = s.refs; s.refs += 1; n, f = s.defs[c]
        return ('object', i, n, [(k, s.val(d + 1)) for k in f])
def u16(x): return x.encode('utf-16-be', 'surrogatepass').hex()
def norm(v):
    t = v['t']
    if t == 'null': return ('null',)
    if t == 'bool' or t == 'int': return (t, v['v'])
    if t == 'long': return (t, int(v['v']))
    if t == 'double': return (t, v['bits'])
    if t == 'date': return (t, int(v['ms']))
    if t == 'string':
        if 'v' in v: return (t, u16(v['v']))
        if 'utf16' in v: return (t, v['utf16'])
        if 'utf16_gz_b64' in v: return (t, gzip.decompress(base64.b64decode(v['utf16_gz_b64'])).hex())
        if 'utf8_gz_b64' in v: return (t, u16(gzip.decompress(base64.b64decode(v['utf8_gz_b64'])).decode('utf-8')))
        return (t, u16(''.join(u * n for u, n in v['rep'])))
    if t == 'binary': return (t, v['hex'] if 'hex' in v else gzip.decompress(base64.b64decode(v['gz_b64'])).hex() if 'gz_b64' in v else ''.join(u * n for u, n in v['rep']))
    ty = lambda x: None if x is None else u16(x)
    if t == 'list': return (t, v['id'], ty(v['type']), [norm(x) for x in v['v']])
    if t == 'map': return (t, v['id'], ty(v['type']), [(norm(a), norm(b)) for a, b in v['v']])
    if t == 'object': return (t, v['id'], u16(v['class']), [(u16(a), norm(b)) for a, b in v['f']])
    if t == 'ref': return (t, v['id'])
    raise Exception(t)
def frames_ws(b):
    p = 0; cur = b''
    while p < len(b):
        if p + 2 > len(b): raise Eof()
        f, l = b[p], b[p + 1] & 127; p += 2
        if l >= 126:
            w = 2 if l == 126 else 8
            if p + w > len(b): raise Eof()
            l = int.from_bytes(b[p:p + w], 'big'); p += w
        if p + l > len(b): raise Eof()
        cur += b[p:p + l]; p += l
        if not f & 0x80: yield cur; cur = b''; continue
        if p == len(b): raise Eof()
def frames_p(b):
    p = 0; cur = b''
    while p < len(b):
        t = b[p]; l = int.from_bytes(b[p + 1:p + 3], 'big'); cur += b[p + 3:p + 3 + l]; p += 3 + l
        if t == 0x50: yield cur; cur = b''
def frames_v(b, mark):
    p = 0; cur = b''
    while p < len(b):
        if mark:
            if b[p] != 0x80: raise Bad('mark')
            p += 1
        n = 0
        while 1:
            c = b[p]; p += 1; n = n * 128 + (c & 127)
            if c < 128: break
        if n == 0: yield cur; cur = b''
        cur += b[p:p + n]; p += n
def run(dirn, files):
    bad = tot = skipped = 0
    for fn in files:
        n = skip = 0
        for line in open(os.path.join(dirn, fn)):
            r = json.loads(line); n += 1; err = None
            try:
                base = os.path.basename(fn)
                if base in ('envelope.jsonl', 'streaming-legacy.jsonl') or r.get('grammar', 'final') != 'final': skip += 1; continue
                if base == 'alternates.jsonl':
                    for e in r['encodings']:
                        try:
                            d = D(data(e)); v = d.val(); assert v == norm(r['value']) and d.p == len(d.b), e['hex'][:60]
                        except Bad: assert 'overlong' in r['name'], r['name']
                        except AssertionError:
                            if not any(k in r['name'] for k in ('overlong',)): raise
                elif base in ('malformed.jsonl', 'mutants.jsonl'):
                    b = data(r); d = D(b)
                    try: v = d.val(); got = 'value'
                    except Eof: got = 'incomplete'
                    except (Bad, RecursionError): got = 'error'
                    assert got == r['expect'], 'got %s want %s' % (got, r['expect'])
                    if got == 'value': assert d.p == r['used'] and ('value' not in r or v == norm(r['value'])), 'value'
                elif base == 'streaming.jsonl':
                    ty, df, pk, end = [], [], [], 'clean'; f = r['framing']; b = data(r)
                    it = frames_ws(b) if f == 'ws' else frames_p(b) if f == 'p' else frames_v(b, f == 'marked')
                    try:
                        for pl in it:
                            d = D(pl, ty, df); vs = []; pk.append(vs)
                            try:
                                while d.p < len(pl): vs.append(d.val())
                            except (Eof, Bad): end = 'error'; break
                    except Eof: end = 'incomplete'
                    assert end == r['end'], end + ' want ' + r['end']
                    want = [[norm(v) for v in p['values']] for p in r['packets']]; assert pk == want, 'packets'
                elif base == 'rpc.jsonl':
                    if 'reply' in r and r['reply'] and 'value' in r['reply']:
                        b = data(r, 'reply_hex'); assert b[:3] == b'H\2\0' and b[3:4] == (b'R' if r['reply']['kind'] == 'reply' else b'F'); assert D(b[4:]).val() == norm(r['reply']['value'])
                elif 'call' in r and 'value' not in r:
                    b = data(r); d = D(b[4:]); assert b[:4] == b'H\2\0C' and d.str_() == u16(r['call']['method']); c = d.int_(); assert [d.val() for _ in range(c)] == [norm(x) for x in r['call']['args']]
                elif r.get('expect') == 'error':
                    try: D(data(r)).val(); err = 'accepted'
                    except (Bad, Eof): pass
                elif 'value' in r:
                    d = D(data(r)); v = d.val(); assert v == norm(r['value']), 'value'; assert d.p == len(d.b), 'trailing'
                else: err = 'no value'
            except AssertionError as e: err = 'mismatch ' + str(e)
            except Exception as e: err = repr(e)[:200]
            if err: bad += 1; print(fn, r['name'], err)
        print('%-24s %4d%s' % (fn, n, ', skipped %d' % skip if skip else '')); tot += n; skipped += skip
    print('total', tot, 'checked', tot - skipped, 'bad', bad); return bad
if __name__ == '__main__':
    d = sys.argv[1]; sys.exit(1 if run(d, sys.argv[2:] or sorted(f for f in os.listdir(d) if f.endswith('.jsonl'))) else 0)
