// Never run: that this compiles, and that what should not does not, is the test of the types.

import { connect, Connection, NAMES, showState, type MessageEvent, type Refused, type State } from "push-client";

interface Line { text: string }

const connection = connect<Line>("/streams/news", {
  transports: ["ws", "sse", "longpoll"],
  last: 10,
  client: "me",
  limits: { begin: 5_000 },
  onmessage: ({ data, position, direct }) => {
    const text: string = data.text;
    const place: string | null = position;
    const isDirect: boolean = direct;
    void [text, place, isDirect];
  },
  onresume: ({ verdict, from, to }) => {
    if (verdict === "gap") void (to! - from!);
    // @ts-expect-error no such verdict
    if (verdict === "lost") return;
  },
  onstate: ({ state, transport, reason, retryAt }) => void [state satisfies State, transport, reason, retryAt],
  onerror: ({ message, status }) => void [message.length, status],
});

connection.addEventListener("gap", ({ from, to }) => void (to - from));
connection.addEventListener("message", (event: MessageEvent<Line>) => void event.data.text);
// @ts-expect-error the value is a Line
connection.addEventListener("message", event => void event.data.nothing);
// @ts-expect-error no such event
connection.addEventListener("news", () => {});
// @ts-expect-error no such transport
connect("/streams/news", { transports: ["smoke"] });
// @ts-expect-error what is unknown has no members
connect("/streams/news", { onmessage: ({ data }) => data.text });
// @ts-expect-error it is told, not set
connection.state = "open";

const { position, receivers } = await connection.publish({ text: "hello" });
const receipt = await connection.send({ text: "hello" }, { to: "ann" });
void [receipt.reply, receipt.waits satisfies boolean | undefined, (await connection.send(1)).position?.length];
// @ts-expect-error no such option
void connection.send(1, { from: "ann" });
const shown = (error: Refused): string => (error.forPeople ? error.message : `${error.status}`);
void shown;
void [position.length, receivers + 1];
for await (const { data } of connection) void data.text;
const stop: () => void = showState(connection, document.body);
stop();
void NAMES[connection.transport ?? "poll"].length;
const another: Connection = new Connection(new URL("https://example.org/streams/news"), { since: connection.position });
another.close();
pushClient.connect("/streams/news").close();
