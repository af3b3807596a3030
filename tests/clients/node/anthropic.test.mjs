// Anthropic's official Node SDK through the running street: native names, tiers, streams, counts, errors, models.

import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

const { NI_BASE_URL: origin, NI_API_KEY: apiKey } = process.env;
const DIRECT = "anthropic/claude-haiku-4-5-20251001-us";
const BEDROCK = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global";
const VERTEX = "vertex_ai/claude-haiku-4-5@20251001-us";
const GEMINI = "vertex_ai/gemini-2.5-flash-ca";
const ROUTES = [DIRECT, BEDROCK, VERTEX, GEMINI];

const at = (base, key = apiKey) => new Anthropic({ baseURL: origin + base, apiKey: key, maxRetries: 0 });
const client = at("");
const user = (content) => [{ role: "user", content }];
const ask = (model, text, more = {}) => ({ model, max_tokens: 100, messages: user(text), ...more });
const textOf = (message) => message.content.map((block) => block.text ?? "").join("");

for (const model of ROUTES) {
  test(`create answers · ${model}`, async () => {
    const { data, response } = await client.messages.create(ask(model, "Repeat this line exactly: bonjour")).withResponse();
    assert.equal(textOf(data), "bonjour");
    assert.equal(data.stop_reason, "end_turn");
    assert.ok(data.usage.input_tokens > 0 && data.usage.output_tokens > 0);
    assert.equal(data._request_id, response.headers.get("x-ni-request-id"));
    assert.match(response.headers.get("x-ni-custody-path"), /^NI-CA -> /);
  });

  test(`create streams blocks without gaps · ${model}`, async () => {
    const events = [];
    for await (const event of await client.messages.create(ask(model, "count to five", { stream: true }))) events.push(event);
    assert.equal(events[0].type, "message_start");
    assert.equal(events.at(-1).type, "message_stop");
    const starts = events.filter(({ type }) => type === "content_block_start").map(({ index }) => index);
    const stops = events.filter(({ type }) => type === "content_block_stop").map(({ index }) => index);
    assert.deepEqual(starts, [...starts.keys()]);
    assert.deepEqual(stops, starts);
    const said = events.map(({ delta }) => (delta?.type === "text_delta" ? delta.text : "")).join("");
    assert.equal(said, "1, 2, 3, 4, 5");
  });

  test(`the tool runner's loop ends by itself · ${model}`, async () => {
    const runner = client.beta.messages.toolRunner({
      ...ask(model, "use the tool get_weather Montreal"),
      thread: false, // the whole conversation each time: nothing of it is kept between two requests
      tools: [
        {
          type: "custom",
          name: "get_weather",
          input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
          parse: (input) => input,
          run: ({ city }) => `minus four in ${city}`,
        },
      ],
    });
    const final = await runner.runUntilDone();
    assert.equal(final.stop_reason, "end_turn");
    assert.match(textOf(final), /minus four in Montreal/);
  });

  test(`tokens are counted · ${model}`, async () => {
    const { messages } = ask(model, "How long is this?");
    assert.ok((await client.messages.countTokens({ model, messages })).input_tokens > 0);
  });
}

test("the guides' doubled base URLs lead to the same place", async () => {
  for (const base of ["/v1", "/v1/", "/api/v1/inference", "/api/v1/inference/v1"]) {
    const answer = await at(base).messages.create(ask(DIRECT, "Repeat this line exactly: here"));
    assert.equal(textOf(answer), "here", base);
  }
});

test("a native name goes where the tier says", async () => {
  for (const model of ["claude-haiku-4-5-20251015", "claude-sonnet-4-5-20250929", "claude-opus-4-7"]) {
    for (const [tier, path] of [
      [undefined, "NI-CA -> Bedrock-CA"],
      ["managed_canadian_cloud", "NI-CA -> Bedrock-CA"],
      ["provider_api", "NI-CA -> Anthropic-US"],
    ]) {
      const headers = tier && { "X-Privacy-Tier": tier };
      const { response } = await client.messages.create(ask(model, "hi"), { headers }).withResponse();
      assert.equal(response.headers.get("x-ni-custody-path"), path, `${model} ${tier}`);
    }
  }
});

test("errors are the SDK's own classes", async () => {
  const rejects = (model, text, kind, type, from = client) =>
    assert.rejects(
      from.messages.create(ask(model, text)),
      (error) => error instanceof kind && error.type === type && error.error.type === "error",
    );
  await rejects(DIRECT, "hi", Anthropic.AuthenticationError, "authentication_error", at("", "ni_live_nonsense"));
  await rejects("no/such-model", "hi", Anthropic.NotFoundError, "not_found_error", at("/api/v1/inference"));
  for (const model of ROUTES) {
    await rejects(model, "[[sandbox status=400]]", Anthropic.BadRequestError, "invalid_request_error");
    await rejects(model, "[[sandbox status=429]]", Anthropic.RateLimitError, "rate_limit_error");
    await rejects(model, "[[sandbox status=401]]", Anthropic.InternalServerError, "api_error");
    await rejects(model, "[[sandbox status=529]]", Anthropic.InternalServerError, "overloaded_error");
  }
});

test("models are listed, and retrieved by ids with slashes and colons", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  for (const route of ROUTES) assert.ok(ids.includes(route), route);
  assert.equal((await client.models.retrieve(BEDROCK)).id, BEDROCK);
});
