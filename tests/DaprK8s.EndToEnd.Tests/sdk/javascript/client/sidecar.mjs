// Secrets, metadata, health, and the sidecar's end.
import assert from "node:assert/strict";
import { refused, run } from "../sdk.mjs";

await run(async (client) => {
  assert.deepEqual(await client.secret.get("secrets", "SHOP_KEY"), { SHOP_KEY: "k" });
  const all = await client.secret.getBulk("secrets");
  assert.equal(all.SHOP_KEY.SHOP_KEY, "k");
  await refused(() => client.secret.get("nowhere", "SHOP_KEY"), "nowhere");

  assert.equal(await client.health.isHealthy(), true);
  assert.equal(await client.metadata.set("team", "warehouse"), true);
  const metadata = await client.metadata.get();
  assert.equal(metadata.id, process.env.APP_ID);
  assert.equal(metadata.extended.team, "warehouse");
  assert.deepEqual(
    metadata.components.map((c) => `${c.name} ${c.type} ${c.version}`),
    ["secrets secretstores.local.env v1"]);

  await client.sidecar.shutdown();
});
