// A warehouse. It tells other apps what is in stock, hears of new orders on the topic `orders`, takes the goods from the shelf
// and announces the parcel on the topic `shipments`. What it must remember is in the state store `statestore`. The sidecar
// stands between it and all of these: which database and which broker they are is written in ../resources, not here.
import { DaprPubSubStatusEnum, DaprServer, LogLevel, StateConcurrencyEnum } from "@dapr/dapr";
import express from "express";

const STORE = "statestore";
const PUBSUB = "pubsub";
const PRICES = { tea: 4.5, coffee: 7.9, mug: 12 };
const FULL_SHELF = 20;
const ATTEMPTS = 5;

const app = express();
// Listens on APP_PORT and finds its sidecar on DAPR_HTTP_PORT.
const server = new DaprServer({ serverHttp: app, logger: { level: LogLevel.Warn } });
const { state, pubsub } = server.client;

app.get("/stock/:sku", async (request, response, next) => {
  try {
    const { sku } = request.params;
    if (!Object.hasOwn(PRICES, sku)) {
      response.status(404).send(`no ${sku} here`);
      return;
    }
    const { shelf } = await read({ shelf: shelfOf(sku) });
    response.json({ sku, price: PRICES[sku], available: shelf.data ?? FULL_SHELF });
  } catch (error) {
    next(error);
  }
});

await server.pubsub.subscribe(PUBSUB, "orders", async (order) => {
  if (!Object.hasOwn(PRICES, order.sku)) {
    console.warn(`order ${order.id}: ${order.sku} is not sold here`);
    return DaprPubSubStatusEnum.DROP;
  }
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      const parcel = await pack(order);
      const { error } = await pubsub.publish(PUBSUB, "shipments", { orderId: order.id, parcel });
      if (error) throw error;
      return DaprPubSubStatusEnum.SUCCESS;
    } catch (error) {
      console.warn(`order ${order.id}, attempt ${attempt}: ${error.message}`);
    }
  }
  return DaprPubSubStatusEnum.RETRY;
});

// Takes the goods from the shelf and notes the parcel in one transaction, so that an order that is delivered twice is packed
// once. Fails if somebody else took something from the shelf meanwhile; then the caller tries again.
async function pack(order) {
  const { shelf, parcel } = await read({ shelf: shelfOf(order.sku), parcel: `parcel-${order.id}` });
  if (parcel.data) {
    return parcel.data;
  }

  let left = (shelf.data ?? FULL_SHELF) - order.quantity;
  if (left < 0) {
    console.info(`${order.sku}: the shelf is empty, filled up again`);
    left = Math.max(0, FULL_SHELF - order.quantity);
  }
  const number = `P-${order.id}`;
  await state.transaction(STORE, [
    { operation: "upsert", request: { key: shelf.key, value: left, etag: shelf.etag, options: firstWrite() } },
    { operation: "upsert", request: { key: parcel.key, value: number } },
  ]);
  console.info(`order ${order.id}: packed ${order.quantity} x ${order.sku}, ${left} left`);
  return number;
}

// Reads several keys at once: { name: key } becomes { name: { key, data, etag } }.
async function read(keys) {
  const items = await state.getBulk(STORE, Object.values(keys));
  return Object.fromEntries(
    Object.entries(keys).map(([name, key]) => [name, items.find((item) => item.key === key) ?? { key }]),
  );
}

function shelfOf(sku) {
  return `shelf-${sku}`;
}

function firstWrite() {
  return { concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE };
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await server.stop();
    process.exit(0);
  });
}

await server.start();
console.info("the warehouse is open");
