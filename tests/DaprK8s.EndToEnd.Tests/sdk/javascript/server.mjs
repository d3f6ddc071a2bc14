// An app: subscribes in each way that the SDK knows, listens to calls, and tells on stdout what came, one JSON object a line.
import { CommunicationProtocolEnum, DaprServer, HttpMethod } from "@dapr/dapr";
import { clientOptions, isGrpc } from "./sdk.mjs";

const PUBSUB = "pubsub";
const topic = process.env.TOPIC;
const tell = (what) => console.log(JSON.stringify(what));

const server = new DaprServer({
  serverHost: "127.0.0.1",
  serverPort: process.env.APP_PORT,
  communicationProtocol: isGrpc ? CommunicationProtocolEnum.GRPC : CommunicationProtocolEnum.HTTP,
  clientOptions,
  logger: clientOptions.logger,
});

await server.pubsub.subscribe(PUBSUB, topic, async (data) => tell({ topic: "plain", data }));
await server.pubsub.subscribe(PUBSUB, `${topic}-raw`, async (data) => tell({ topic: "raw", data }), "raw", { rawPayload: true });

// Answers with the status that the message asks for, the first time; SUCCESS afterwards.
const seen = new Set();
await server.pubsub.subscribeWithOptions(PUBSUB, `${topic}-status`, {
  route: "status",
  deadLetterTopic: process.env.DEAD_LETTER === "no" ? undefined : `${topic}-dead`,
  callback: async (data) => {
    tell({ topic: "status", data });
    if (seen.has(data.id)) return "SUCCESS";
    seen.add(data.id);
    return data.status;
  },
});
await server.pubsub.subscribe(PUBSUB, `${topic}-dead`, async (data) => tell({ topic: "dead", data }), "dead");

await server.invoker.listen("echo", async ({ body }) => ({ echo: JSON.parse(body) }), { method: HttpMethod.POST });
await server.invoker.listen("hello", async () => ({ hello: "world" }), { method: HttpMethod.GET });
// Publishes through its own sidecar.
await server.invoker.listen(
  "announce",
  async ({ body }) => {
    await server.client.pubsub.publish(PUBSUB, topic, JSON.parse(body));
    return { announced: true };
  },
  { method: HttpMethod.POST });

await server.start();
tell({ started: true });
