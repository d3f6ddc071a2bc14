// Calls an HTTP app and learns of its failures.
import assert from "node:assert/strict";
import { HttpMethod } from "@dapr/dapr";
import { isGrpc, refused, run } from "../sdk.mjs";

const app = process.env.CALLEE;

await run(async ({ invoker }) => {
  assert.deepEqual(await invoker.invoke(app, "orders", HttpMethod.POST, { sku: "tea" }), { got: { sku: "tea" }, verb: "POST" });
  assert.deepEqual(await invoker.invoke(app, "orders/7", HttpMethod.GET), { id: 7 });
  if (!isGrpc) {
    const answer = await invoker.invoke(app, "orders/7?full=true", HttpMethod.GET, undefined, { headers: { "x-question": "why" } });
    assert.deepEqual(answer, { id: 7, query: "full=true", question: "why" });
  }
  await refused(() => invoker.invoke(app, "sold-out", HttpMethod.POST, { sku: "tea" }), "sold out");
  await refused(() => invoker.invoke("nobody-there", "orders", HttpMethod.GET), "nobody-there");
});
