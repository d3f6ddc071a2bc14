// Publishes one message of each kind to the topic that the environment names; a .NET app looks at what arrives.
import { refused, run } from "../sdk.mjs";

const PUBSUB = "pubsub";
const topic = process.env.TOPIC;

await run(async ({ pubsub }) => {
  await pubsub.publish(PUBSUB, topic, { sku: "tea", quantity: 2 });
  await pubsub.publish(PUBSUB, topic, "plain text");
  await pubsub.publish(PUBSUB, topic, { n: 1 }, { metadata: { "cloudevent.type": "order.placed" } });
  await pubsub.publish(
    PUBSUB,
    topic,
    { specversion: "1.0", id: "own-7", source: "shop", type: "order.cancelled", datacontenttype: "application/json", data: { sku: "mug" } },
    { contentType: "application/cloudevents+json" });
  await pubsub.publish(PUBSUB, topic, Buffer.from([0, 255, 128]), { contentType: "application/octet-stream" });
  await refused(() => pubsub.publish("nowhere", topic, "x"), "nowhere");
});
