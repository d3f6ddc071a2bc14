// State with the client: objects, ETags, several keys at once, transactions.
import assert from "node:assert/strict";
import { StateConcurrencyEnum } from "@dapr/dapr";
import { isGrpc, refused, run } from "../sdk.mjs";

const STORE = "statestore";
const key = (name) => `${process.env.KEY}-${name}`;

await run(async ({ state }) => {
  // Objects, text and numbers come back as they were saved.
  await state.save(STORE, [
    { key: key("object"), value: { sku: "tea", quantity: 2, tags: ["green", "ü"] } },
    { key: key("text"), value: "plain" },
    { key: key("number"), value: 7 },
  ]);
  assert.deepEqual(await state.get(STORE, key("object")), { sku: "tea", quantity: 2, tags: ["green", "ü"] });
  assert.equal(await state.get(STORE, key("text")), "plain");
  assert.equal(await state.get(STORE, key("number")), 7);
  assert.equal(await state.get(STORE, key("missing")), "");

  // Several keys at once, in any order; a missing one has no data.
  const bulk = await state.getBulk(STORE, [key("object"), key("number"), key("missing")], { parallelism: 2 });
  assert.equal(bulk.length, 3);
  const item = (name) => bulk.find((i) => i.key === key(name));
  assert.equal(item("object").data.sku, "tea");
  assert.equal(item("number").data, 7);
  assert.ok(!item("missing").data);

  // The second of two writers with the same ETag is refused.
  const firstWrite = { concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE };
  const { etag } = item("number");
  assert.ok(etag);
  const saved = await state.save(STORE, [{ key: key("number"), value: 8, etag, options: firstWrite }]);
  assert.ok(!saved.error);
  await refused(
    () => state.save(STORE, [{ key: key("number"), value: 9, etag, options: firstWrite }]),
    "etag mismatch");
  assert.equal(await state.get(STORE, key("number")), 8);
  await refused(() => state.delete(STORE, key("number"), { etag, ...firstWrite }), "etag mismatch");
  assert.equal(await state.get(STORE, key("number")), 8);

  // A transaction writes and deletes together. (The gRPC client sends values as text.)
  await state.transaction(STORE, [
    { operation: "upsert", request: { key: key("one"), value: isGrpc ? '{"n":1}' : { n: 1 } } },
    { operation: "upsert", request: { key: key("two"), value: "2" } },
    { operation: "delete", request: { key: key("text") } },
  ]);
  assert.deepEqual(await state.get(STORE, key("one")), { n: 1 });
  assert.equal(await state.get(STORE, key("two")), isGrpc ? 2 : "2");
  assert.equal(await state.get(STORE, key("text")), "");

  await state.delete(STORE, key("object"));
  assert.equal(await state.get(STORE, key("object")), "");

  // With a time to live.
  await state.save(STORE, [{ key: key("short"), value: "x", metadata: { ttlInSeconds: "1" } }]);
  const deadline = Date.now() + 30_000;
  while ((await state.get(STORE, key("short"))) !== "") {
    assert.ok(Date.now() < deadline, "the key with a time to live did not go away");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  await refused(() => state.get("nowhere", "k"), "nowhere");
});
