// A straightforward intake as one would write it with express and pg, and write it well: the signature over the raw bytes, a pool of
// connections, statements prepared once a connection, one transaction a webhook, the 200 after the commit. It writes what Baton writes: the
// same tables, under the same lock of the Page's head.
//
// PORT, WORKERS, POOL (connections a worker), SECRET, and libpq's PGHOST, PGUSER, PGDATABASE. Says `ready` once it listens.
import cluster from "node:cluster";
import crypto from "node:crypto";
import process from "node:process";
import express from "express";
import pg from "pg";

const { PORT, SECRET } = process.env;
const WORKERS = Number(process.env.WORKERS ?? 1);

const LEASE_MS = 86_400_000;

const statements = {
  head: "select last_position, default_app from pages where page_id = $1 for update",
  seen: "insert into duplicates (page_id, hash, seen_at) values ($1, $2, now()) on conflict do nothing",
  conversation: "select control, check_at from conversations where page_id = $1 and person_id = $2",
  append: `insert into log (page_id, position, person_id, at, happened_at, kind, field, mid, audience, epoch, payload)
    values ($1, $2, $3, now(), $4, 'message', 'messages', $5, $6, $7, $8)`,
  relist: `update open_conversations o set last_message_at = now() from conversations c
    where c.page_id = $1 and c.person_id = $2 and o.page_id = c.page_id and o.lane = c.lane and o.last_message_at = c.last_message_at and o.person_id = c.person_id`,
  upsert: `insert into conversations (page_id, person_id, control, owner, epoch, last_position, last_message_position, last_at, last_person_act,
      last_inbound_position, check_at, last_message_at)
    values ($1, $2, $3, $4, $5, $6, $6, now(), $7, $6, $8, now())
    on conflict (page_id, person_id) do update set control = excluded.control, owner = excluded.owner, epoch = excluded.epoch,
      last_position = excluded.last_position, last_message_position = excluded.last_message_position, last_at = excluded.last_at,
      last_person_act = excluded.last_person_act, last_inbound_position = excluded.last_inbound_position, check_at = excluded.check_at,
      last_message_at = excluded.last_message_at`,
  move: "update pages set last_position = $2 where page_id = $1",
};

class Unknown extends Error {}

function signed(body, header) {
  const expected = Buffer.from(`sha256=${crypto.createHmac("sha256", SECRET).update(body).digest("hex")}`);
  const given = Buffer.from(header ?? "");
  return given.length === expected.length && crypto.timingSafeEqual(given, expected);
}

function fingerprint(mid) {
  return crypto.createHash("sha256").update(`message ${mid}`).digest().subarray(0, 16);
}

async function keep(client, page, item) {
  const run = (name, ...values) => client.query({ name, text: statements[name], values });
  const person = item.sender.id;
  const head = (await run("head", page)).rows[0];
  if (!head) throw new Unknown(page);
  const isNew = (await run("seen", page, fingerprint(item.message.mid))).rowCount === 1;
  if (!isNew) return;
  const position = Number(head.last_position) + 1;
  const known = (await run("conversation", page, person)).rows[0];
  const control = known ? JSON.parse(known.control) : { owner: { kind: "app", app: head.default_app }, epoch: 1, changed_at: Date.now() };
  if (control.owner.kind === "app") control.owner.until = item.timestamp + LEASE_MS;
  const owner = control.owner.app ?? null;
  await run("append", page, position, person, item.timestamp, item.message.mid, JSON.stringify({ owner }), control.epoch, JSON.stringify(item));
  await run("relist", page, person);
  await run("upsert", page, person, JSON.stringify(control), owner, control.epoch, position, item.timestamp, known?.check_at ?? null);
  await run("move", page, position);
}

async function take(pool, body) {
  const client = await pool.connect();
  try {
    await client.query("begin");
    for (const entry of body.entry) {
      for (const item of entry.messaging ?? []) {
        if (item.message) await keep(client, entry.id, item);
      }
    }
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

function serve() {
  const pool = new pg.Pool({ max: Number(process.env.POOL ?? 10) });
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.post("/platform/webhook", express.raw({ type: "application/json", limit: "16mb" }), async (request, response) => {
    if (!signed(request.body, request.get("x-hub-signature-256"))) return response.status(401).end();
    const body = JSON.parse(request.body);
    if (body.object !== "page") return response.status(404).end();
    try {
      await take(pool, body);
      response.type("text/plain").send("EVENT_RECEIVED");
    } catch (error) {
      if (!(error instanceof Unknown)) console.error(error);
      response.status(error instanceof Unknown ? 404 : 503).end();
    }
  });
  return app.listen(Number(PORT), "127.0.0.1");
}

if (WORKERS > 1 && cluster.isPrimary) {
  let ready = 0;
  for (let worker = 0; worker < WORKERS; worker++) cluster.fork();
  cluster.on("listening", () => {
    ready += 1;
    if (ready === WORKERS) console.log("ready");
  });
} else {
  serve().on("listening", () => {
    if (!cluster.isWorker) console.log("ready");
  });
}
