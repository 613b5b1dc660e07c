'use strict';
// botly: callbacks, JSON bodies, the token in the query; an Express router for webhooks, which believes the SHA-1 signature.

const assert = require('node:assert/strict');
const { createHmac, randomUUID } = require('node:crypto');
const { EventEmitter, once } = require('node:events');
const { promisify } = require('node:util');
const bodyParser = require('body-parser');
const Botly = require('botly');
const express = require('express');

const {
  GRAPH_BASE, PAGE_ID, PAGE_TOKEN, APP_ID, APP_SECRET, OTHER_APP_ID, OTHER_PAGE_TOKEN, PSID, TRIGGER_URL, VERIFY_TOKEN, WEBHOOK_PATH, WEBHOOK_PORT,
} = process.env;
const LONGEST_CHECK_MS = 20_000;
const LONGEST_WAIT_MS = 10_000;

const botly = new Botly({ accessToken: PAGE_TOKEN, verifyToken: VERIFY_TOKEN, webHookPath: WEBHOOK_PATH, FB_URL: `${GRAPH_BASE}/v19.0/` });
/** Tells of the platform's questions for the verify token, which botly answers without a word. */
const verifications = new EventEmitter();
const call = (method, options) => promisify(botly[method]).call(botly, options);

/** What botly has no method for: control of the thread, and subscribing. */
async function graph(path, parameters, token = PAGE_TOKEN) {
  const answer = await fetch(`${GRAPH_BASE}/v19.0/${path}?access_token=${encodeURIComponent(token)}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(parameters),
  });
  return answer.json();
}

const own = () => graph('me/take_thread_control', { recipient: { id: PSID } });

async function giveAway() {
  await own();
  const passed = await graph('me/pass_thread_control', { recipient: { id: PSID }, target_app_id: OTHER_APP_ID });
  assert.deepEqual(passed, { success: true });
}

/** The person says something. */
async function say(what) {
  const body = JSON.stringify({ page_id: PAGE_ID, psid: PSID, ...what });
  const answer = await fetch(TRIGGER_URL, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  assert.ok(answer.ok, `the sandbox answered ${answer.status}`);
}

/** What the person sees, as one text. */
async function transcript() {
  return (await fetch(`${TRIGGER_URL}?page_id=${PAGE_ID}&psid=${PSID}`)).text();
}

/** Waits for an event of botly's that fits; gives its arguments. */
function heard(event, fits) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no such ${event} event within ${LONGEST_WAIT_MS} ms`)), LONGEST_WAIT_MS);
    const listener = (...args) => {
      if (!fits(...args)) return;
      clearTimeout(late);
      botly.off(event, listener);
      resolve(args);
    };
    botly.on(event, listener);
  });
}

function assertSent(answer) {
  assert.equal(answer.recipient_id, PSID, JSON.stringify(answer));
  assert.equal(typeof answer.message_id, 'string');
  assert.ok(answer.message_id.length > 3);
}

const checks = {
  'its callback is verified when it subscribes': async () => {
    const asked = once(verifications, 'asked');
    const subscribed = await graph(`${APP_ID}/subscriptions`, {
      object: 'page', callback_url: `http://127.0.0.1:${WEBHOOK_PORT}${WEBHOOK_PATH}`, verify_token: VERIFY_TOKEN,
      fields: 'messages,messaging_postbacks,messaging_handovers,standby',
    }, `${APP_ID}|${APP_SECRET}`);
    assert.deepEqual(subscribed, { success: true });
    await asked;
  },
  'sends a text, which the person reads': async () => {
    const text = `text ${randomUUID()} ü 😀`;
    assertSent(await call('sendText', { id: PSID, text }));
    assert.ok((await transcript()).includes(text), 'the person did not get it');
  },
  'sends quick replies': async () => {
    const quick_replies = [botly.createQuickReply('Yes', 'YES'), botly.createQuickReply('No', 'NO')];
    assertSent(await call('sendText', { id: PSID, text: 'Are you there?', quick_replies }));
  },
  'sends buttons': async () => {
    const buttons = [botly.createWebURLButton('Shop', 'https://example.com/'), botly.createPostbackButton('Begin', 'BEGIN')];
    assertSent(await call('sendButtons', { id: PSID, text: 'What now?', buttons }));
  },
  'sends an image by its address': async () => {
    assertSent(await call('sendImage', { id: PSID, url: 'https://example.com/cup.png' }));
  },
  'types': async () => {
    for (const action of Object.values(Botly.CONST.ACTION_TYPES)) {
      assert.deepEqual(await call('sendAction', { id: PSID, action }), { recipient_id: PSID });
    }
  },
  'reads the profile, and only what it asked for': async () => {
    const profile = await call('getUserProfile', { id: PSID, fields: ['id', 'first_name'] });
    assert.equal(profile.id, PSID, JSON.stringify(profile));
    assert.ok(profile.first_name);
    assert.ok(!('last_name' in profile));
  },
  'sets the Get Started button': async () => {
    assert.deepEqual(await call('setGetStarted', { pageId: PAGE_ID, payload: 'START' }), { result: 'success' });
  },
  'hears what the person writes, rightly signed': async () => {
    const text = `hello ${randomUUID()} ä/<>`;
    const message = heard('message', (_sender, _message, value) => value.text === text);
    await say({ text });
    assert.equal((await message)[0], PSID);
  },
  'hears a tapped quick reply': async () => {
    const payload = `CHOICE ${randomUUID()}`;
    const postback = heard('postback', (_sender, _message, tapped) => tapped === payload);
    await say({ quick_reply: { title: 'This one', payload } });
    assert.equal((await postback)[0], PSID);
  },
  'is refused while another app has the thread': async () => {
    await giveAway();
    const text = `not mine ${randomUUID()}`;
    const { error } = await call('sendText', { id: PSID, text });
    assert.equal(error.code, 10, JSON.stringify(error));
    assert.equal(error.error_subcode, 2018300);
    assert.match(error.message, /^\(#10\) /);
    assert.ok(error.fbtrace_id);
    assert.ok(!(await transcript()).includes(text), 'the person got it all the same');
  },
  'stands by while another app has the thread': async () => {
    await giveAway();
    const text = `standby ${randomUUID()}`;
    const body = heard('complete_message', ({ entry }) => entry.some(({ standby }) => standby?.some(({ message }) => message?.text === text)));
    await say({ text });
    assert.ok((await body)[0].entry.every((entry) => !('messaging' in entry)), 'messaging beside standby');
  },
  'hears that another app passed the thread to it': async () => {
    await giveAway();
    const metadata = `for you ${randomUUID()}`;
    const passed = heard('passThreadControl', (_sender, _message, control) => control.metadata === metadata);
    assert.deepEqual(await graph('me/pass_thread_control', { recipient: { id: PSID }, target_app_id: APP_ID, metadata }, OTHER_PAGE_TOKEN), { success: true });
    assert.equal(String((await passed)[2].new_owner_app_id), APP_ID);
    assertSent(await call('sendText', { id: PSID, text: 'Mine again' }));
  },
  'would not believe a wrong signature': async () => {
    const body = JSON.stringify({ object: 'page', entry: [] });
    const signature = createHmac('sha1', `not ${APP_SECRET}`).update(body).digest('hex');
    const answer = await fetch(`http://127.0.0.1:${WEBHOOK_PORT}${WEBHOOK_PATH}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Hub-Signature': `sha1=${signature}` }, body,
    });
    assert.equal(answer.status, 403);
  },
};

function listen() {
  const app = express();
  app.use((request, _response, next) => {
    if (request.query['hub.verify_token'] === VERIFY_TOKEN) verifications.emit('asked');
    next();
  });
  app.use(bodyParser.json({ verify: botly.getVerifySignature(APP_SECRET) }));
  app.use(botly.router());
  app.use((error, _request, response, _next) => response.sendStatus(error.status ?? 500));
  return app.listen(Number(WEBHOOK_PORT), '127.0.0.1');
}

async function run(check) {
  let alarm;
  const late = new Promise((_resolve, reject) => { alarm = setTimeout(() => reject(new Error('took too long')), LONGEST_CHECK_MS); });
  try {
    await Promise.race([check(), late]);
  } finally {
    clearTimeout(alarm);
  }
}

(async () => {
  const server = listen();
  await once(server, 'listening');
  await own();
  let passed = 0;
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    try {
      await run(check);
      passed += 1;
      console.log(`PASS ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${name}: ${error.message}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
})();
