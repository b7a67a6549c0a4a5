// hessian.js as a client of Hessian services: `node calls.js URL VECTORS 1|2`. It has a codec and no client, so the few bytes around the values are
// written here. Calls each method that VECTORS (testhessian2.jsonl) names; a line for each call that went wrong, then `N passed, N failed`.
'use strict';
const fs = require('fs');
const http = require('http');
const zlib = require('zlib');
const hessian = require('hessian.js');

const [url, vectors, form] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function post(body) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { agent, method: 'POST', headers: { 'Content-Type': 'x-application/hessian', 'Content-Length': body.length } }, response => {
      const parts = [];
      response.on('data', part => parts.push(part));
      response.on('end', () => {
        const reply = Buffer.concat(parts);
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}: ${reply}`));
        else resolve(reply);
      });
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

function call(method, args) {
  if (form === '2') {
    const encoder = new hessian.EncoderV2();
    encoder.writeString(method);
    encoder.writeInt(args.length);
    for (const arg of args) encoder.write(arg);
    return Buffer.concat([Buffer.from([0x48, 2, 0, 0x43]), encoder.get()]);
  }
  const encoder = new hessian.EncoderV1();
  for (const arg of args) encoder.write(arg);
  const name = Buffer.from(method);
  return Buffer.concat([Buffer.from([0x63, 1, 0, 0x6d, 0, name.length]), name, encoder.get(), Buffer.from('z')]);
}

function result(reply) {
  const [head, Decoder, fault] = form === '2' ? ['48020052', hessian.DecoderV2, '48020046'] : ['720100', hessian.DecoderV1, '72010066'];
  const start = reply.subarray(0, fault.length / 2).toString('hex');
  if (start === fault || !start.startsWith(head)) throw new Error(`no reply: ${reply.subarray(0, 300).toString('latin1')}`);
  const decoder = new Decoder(reply.subarray(head.length / 2));
  const value = decoder.read(true);
  const end = head.length / 2 + decoder.position() + (form === '2' ? 0 : 1);
  if (end !== reply.length) throw new Error(`${reply.length - end} bytes after the reply`);
  return value;
}

// ---- the values of the vectors ----

const text = value => ('v' in value ? value.v : zlib.gunzipSync(Buffer.from(value.utf8_gz_b64, 'base64')).toString());
const bytes = value => ('hex' in value ? Buffer.from(value.hex, 'hex') : 'gz_b64' in value ? zlib.gunzipSync(Buffer.from(value.gz_b64, 'base64'))
  : Buffer.concat(value.rep.map(([unit, count]) => Buffer.concat(Array(count).fill(Buffer.from(unit, 'hex'))))));
const double = value => Buffer.from(value.bits, 'hex').readDoubleBE();

// As hessian.js wants it.
function build(value, ids = new Map()) {
  const kept = it => (ids.set(value.id, it), it);
  switch (value.t) {
    case 'null': return null;
    case 'bool': return value.v;
    case 'int': return { $class: 'int', $: value.v };
    case 'long': return { $class: 'long', $: value.v };
    case 'double': return { $class: 'double', $: double(value) };
    case 'date': return new Date(Number(value.ms));
    case 'string': return text(value);
    case 'binary': return bytes(value);
    case 'ref': return ids.get(value.id);
    case 'list': {
      const list = [];
      kept(value.type ? { $class: value.type, $: list } : list);
      for (const item of value.v) list.push(build(item, ids));
      return ids.get(value.id);
    }
    case 'map': {
      // A map with a type has to be an object, whose keys are strings: of a Map nothing is written.
      const strings = value.type && value.v.every(([key]) => key.t === 'string');
      const map = strings ? {} : new Map();
      kept(value.type ? { $class: value.type, $: map } : map);
      for (const [key, item] of value.v) {
        if (strings) map[build(key, ids)] = build(item, ids);
        else map.set(build(key, ids), build(item, ids));
      }
      return ids.get(value.id);
    }
    case 'object': {
      const object = kept({ $class: value.class, $: {} });
      for (const [name, item] of value.f) object.$[name] = build(item, ids);
      return object;
    }
    default: throw new Error(value.t);
  }
}

// What it should decode to, as text: hessian.js has one kind of number.
function wanted(value) {
  const items = (list, one) => `[${list.map(one).join(', ')}]`;
  switch (value.t) {
    case 'null': return 'null';
    case 'bool': return String(value.v);
    case 'int': case 'long': return `number ${value.v}`;
    case 'double': return `number ${double(value)}`;
    case 'date': return `date ${value.ms}`;
    case 'string': return JSON.stringify(text(value));
    case 'binary': return `binary ${bytes(value).toString('hex')}`;
    case 'ref': return `ref #${value.id}`;
    case 'list': return (value.type || '') + items(value.v, wanted);
    case 'map': return (value.type || 'java.util.HashMap') + items(value.v, ([key, item]) => `${wanted(key)}=${wanted(item)}`);
    case 'object': return value.class + items(value.f, ([name, item]) => `${JSON.stringify(name)}=${wanted(item)}`);
    default: throw new Error(value.t);
  }
}

// What it decoded to.
function found(value, seen = new Map()) {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return `number ${value}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (Buffer.isBuffer(value)) return `binary ${value.toString('hex')}`;
  const typed = !Array.isArray(value) && '$class' in value;
  const content = typed ? value.$ : value;
  if (typeof content !== 'object' || content === null || content instanceof Date || Buffer.isBuffer(content)) return found(content, seen);
  if (seen.has(content)) return `ref #${seen.get(content)}`;
  seen.set(content, seen.size);
  // Java's own lists say their class in Hessian 1.
  const name = typed && value.$class !== 'java.util.ArrayList' ? value.$class : '';
  if (Array.isArray(content)) return `${name}[${content.map(item => found(item, seen)).join(', ')}]`;
  const entries = content instanceof Map ? [...content] : Object.entries(content);
  return `${name}[${entries.map(([key, item]) => `${found(key, seen)}=${found(item, seen)}`).join(', ')}]`;
}

async function main() {
  let passed = 0;
  let failed = 0;
  for (const line of fs.readFileSync(vectors, 'utf8').split('\n').filter(Boolean)) {
    const vector = JSON.parse(line);
    const args = vector.call ? vector.call.args : [];
    const want = vector.name === 'methodNull' ? 'null' : vector.call ? 'true' : wanted(vector.value);
    let answer;
    try {
      answer = found(result(await post(call(vector.name, args.map(arg => build(arg))))));
    } catch (problem) {
      answer = `threw ${problem.message}`;
    }
    if (answer === want) {
      passed++;
    } else {
      failed++;
      console.log(`FAILED ${vector.name}: wanted ${want.slice(0, 200)}, not ${answer.slice(0, 400).replace(/\s+/g, ' ')}`);
    }
  }
  agent.destroy();
  console.log(`${passed} passed, ${failed} failed`);
}

main();
