// The rows of the Node matrix: the Python matrix's conversations with the sandbox's models, told once more.

import assert from "node:assert/strict";

const PICTURE = Buffer.from(process.env.NI_PNG ?? "", "base64");
const WEATHER = {
  name: "get_weather",
  schema: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer" } },
    required: ["city", "days"],
    additionalProperties: false,
  },
};
const CLOCK = { name: "get_time", schema: { type: "object", properties: {}, additionalProperties: false } };
const PERSON = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

// An answer that is none, with what was seen instead.
export class Refused extends Error {
  constructor(seen) {
    super(`${seen.status} ${seen.error}: ${seen.message}`);
    this.seen = seen;
  }
}

function answered(seen) {
  if (seen.error) throw new Refused(seen);
  assert.ok(seen.inputTokens > 0, "no input tokens");
  assert.ok(seen.outputTokens > 0, "no output tokens");
  return seen;
}

// One user turn and its answer, in a talk of its own unless one is given.
async function say(at, text, wish, { talk = [], image } = {}) {
  at.asker.user(talk, text, image);
  return { talk, seen: await at.asker.ask(talk, at.route, wish, at.stream) };
}

async function plain(at) {
  const seen = answered((await say(at, "Repeat this line exactly: bonjour à tous 🍁", {})).seen);
  assert.deepEqual([seen.text, seen.end, seen.calls], ["bonjour à tous 🍁", "end", []]);
}

async function tools(at) {
  const { seen } = await say(at, "Montreal please", { tools: [WEATHER, CLOCK], forced: "get_weather" });
  answered(seen);
  assert.deepEqual(seen.calls.map(({ name }) => name), ["get_weather"]);
  assert.deepEqual(Object.keys(seen.calls[0].arguments).sort(), ["city", "days"]);
  assert.ok(["tools", "end"].includes(seen.end)); // OpenAI's own answer to a forced call ends with `stop`
}

async function parallelTools(at) {
  const wish = { tools: [WEATHER, CLOCK] };
  const { talk, seen } = await say(at, "use the tools get_weather and get_time", wish);
  answered(seen);
  assert.deepEqual(seen.calls.map(({ name }) => name), ["get_weather", "get_time"]);
  assert.equal(new Set(seen.calls.map(({ id }) => id)).size, 2);
  assert.deepEqual(seen.calls[1].arguments, {});
  assert.equal(seen.end, "tools");
  at.asker.results(talk, seen, ["sunny", "noon"]);
  const answer = answered(await at.asker.ask(talk, at.route, wish, at.stream));
  assert.equal(answer.end, "end");
  assert.match(answer.text, /sunny|noon/);
}

// Three turns with a call each. Signatures go back as they came, or the provider would refuse the second turn.
async function thinkingAndTools(at) {
  const wish = { tools: [WEATHER, CLOCK], thinking: true, maxTokens: 4000 };
  const talk = [];
  for (const [turn, name] of ["get_weather", "get_time", "get_weather"].entries()) {
    const { seen } = await say(at, `Now use the tool ${name}`, wish, { talk });
    answered(seen);
    assert.deepEqual(seen.calls.map((call) => call.name), [name]);
    assert.equal(seen.end, "tools");
    assert.ok(!at.thoughtsShown || seen.thought, `no thoughts in turn ${turn}`);
    at.asker.results(talk, seen, [`result ${turn}`]);
    const answer = answered(await at.asker.ask(talk, at.route, wish, at.stream));
    assert.ok(answer.text.includes(`result ${turn}`), answer.text);
    talk.push(answer.turn);
  }
}

async function image(at) {
  const seen = answered((await say(at, "What is this?", {}, { image: PICTURE })).seen);
  assert.ok(seen.text.includes(`image/png of ${PICTURE.length} bytes`), seen.text);
}

async function jsonSchema(at) {
  const person = JSON.parse(answered((await say(at, "Someone", { schema: PERSON })).seen).text);
  assert.deepEqual(Object.keys(person).sort(), ["age", "name"]);
  assert.ok(Number.isInteger(person.age));
}

async function maxTokens(at) {
  const seen = answered((await say(at, "[[sandbox chunks=40]]", { maxTokens: 5 })).seen);
  assert.equal(seen.end, "length");
  assert.ok(seen.outputTokens <= 5);
}

async function refusal(at) {
  const { seen } = await say(at, "refuse this", {});
  assert.equal(seen.error, undefined, seen.message);
  assert.equal(seen.end, "refusal");
}

async function error(at) {
  const { seen } = await say(at, "[[sandbox status=429 retry_after=7]]", {});
  assert.deepEqual([seen.status, seen.error], [429, "RateLimitError"]);
}

async function midStreamError(at) {
  const { seen } = await say(at, "[[sandbox chunks=9 error_after=3]]", {});
  if (!at.stream) return void answered(seen); // there is no middle of an answer that comes whole
  assert.ok(seen.error, "a clean end");
  assert.equal(seen.status, undefined);
  assert.ok(seen.text.startsWith("w0 w1"), seen.text);
}

// Where the route cannot honour it: a 400 in the SDK's own class that says what to do.
export async function refused(at, scenario) {
  const fallen = await scenario(at).then(
    () => undefined,
    (error) => error,
  );
  assert.ok(fallen instanceof Refused, fallen?.stack ?? "this route is said not to have it, and answered");
  assert.deepEqual([fallen.seen.status, fallen.seen.error], [400, "BadRequestError"]);
  assert.match(fallen.seen.message, /not /);
}

export const SCENARIOS = {
  plain,
  tools,
  "parallel tools": parallelTools,
  "thinking + tools": thinkingAndTools,
  image,
  "JSON schema": jsonSchema,
  "max tokens": maxTokens,
  refusal,
  error,
  "mid-stream error": midStreamError,
};
