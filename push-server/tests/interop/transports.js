"use strict";
// One reader for each transport, as a page would write it. Each collects what it gets in `state`, and comes back, where
// it was, whenever its response has ended.
const state = (window.state = { data: [], verdicts: [], responses: 0, problems: [] });
let position = null;

const url = (path, more) =>
  path + "?" + new URLSearchParams({ ...more, ...(position ? { since: position } : {}) });

// A message or a notice.
function take(object) {
  if ("position" in object) position = object.position;
  if (!object.event) state.data.push(object.data);
  else if (object.event === "begin") state.verdicts.push(object.resume);
  else if (object.event !== "rotate") state.problems.push(object.event);
}

function again(reader) {
  state.responses += 1;
  setTimeout(reader, 0);
}

const readers = {
  xhr(base) {
    const request = new XMLHttpRequest();
    let read = 0;
    request.open("GET", url(base + "/xhr", { rotate: 1 }));
    request.onreadystatechange = () => {
      if (request.readyState < 3) return;
      const text = request.responseText;
      for (let end; (end = text.indexOf("\n", read)) >= 0; read = end + 1) {
        const line = text.slice(read, end).trim();
        if (line) take(JSON.parse(line));
      }
      if (request.readyState === 4) again(() => readers.xhr(base));
    };
    request.send();
  },

  // Cut, it comes back as after the end; what was not complete comes again.
  multipart(base) {
    readers.parts(base).catch(() => {}).then(() => again(() => readers.multipart(base)));
  },

  async parts(base) {
    const response = await fetch(url(base + "/multipart", { rotate: 1 }));
    const [, boundary] = response.headers.get("content-type").match(/boundary=([^;]+)/);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "\r\n";
    for (let next; !(next = await reader.read()).done; ) {
      const parts = (text + next.value).split("\r\n--" + boundary);
      // What follows on the last boundary is not complete.
      text = parts.pop();
      for (const part of parts) {
        const body = part.slice(part.indexOf("\r\n\r\n") + 4).trim();
        if (body) take(JSON.parse(body));
      }
    }
    if (text.trim() !== "--") state.problems.push("the end is " + JSON.stringify(text));
  },

  async longpoll(base) {
    const answer = await (await fetch(url(base + "/longpoll", { wait: 1 }))).json();
    state.verdicts.push(answer.resume);
    answer.messages.forEach(take);
    position = answer.position;
    if (answer.next !== 0) state.problems.push("next is " + answer.next);
    again(() => readers.longpoll(base));
  },

  async poll(base) {
    const answer = await (await fetch(url(base + "/poll"))).json();
    state.verdicts.push(answer.resume);
    answer.messages.forEach(take);
    position = answer.position;
    state.responses += 1;
    setTimeout(() => readers.poll(base), answer.next * 1000);
  },

  script(base) {
    window.comet_update = (data, at) => take({ data, position: at });
    window.comet_resume = verdict => state.verdicts.push(verdict);
    window.comet_end = (event, at) => take({ event, position: at });
    if (!position) state.verdicts.push("fresh");
    const frame = document.createElement("iframe");
    frame.src = url(base + "/script", { rotate: 1 });
    frame.onload = () => {
      frame.remove();
      again(() => readers.script(base));
    };
    document.body.append(frame);
  },

  // The browser comes back by itself.
  sse(base) {
    const source = new EventSource(base + "/sse?rotate=1");
    state.verdicts.push("fresh");
    source.onmessage = event => take({ data: JSON.parse(event.data), position: event.lastEventId });
    source.addEventListener("resume", event => state.verdicts.push(event.data));
    source.addEventListener("rotate", () => (state.responses += 1));
  },
};
