// OpenAI's official Node SDK through the running street: answers, streams, tools, errors, models.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const { NI_BASE_URL: origin, NI_API_KEY: apiKey } = process.env;
const HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global";
const AZURE = "azure/gpt-4.1-mini-ca";
const QWEN = "Qwen/Qwen3-14B";
const ROUTES = [HAIKU, AZURE, "openai/gpt-4.1-mini-us", QWEN];

const at = (base, key = apiKey) => new OpenAI({ baseURL: origin + base, apiKey: key, maxRetries: 0 });
const client = at("/v1");
const user = (content) => [{ role: "user", content }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const forced = { type: "function", function: { name: "get_weather" } };

for (const model of ROUTES) {
  test(`create answers · ${model}`, async () => {
    const { data, response } = await client.chat.completions
      .create({ model, messages: user("Repeat this line exactly: bonjour") })
      .withResponse();
    assert.equal(data.choices[0].message.content, "bonjour");
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
    assert.match(response.headers.get("x-ni-request-id"), /^[0-9a-f]{16}$/);
    assert.equal(data._request_id, response.headers.get("x-ni-request-id"));
  });

  test(`create streams · ${model}`, async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: user("count to five"),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const said = chunks.filter((c) => c.choices.length); // Azure begins with filter results, without choices
    assert.equal(said[0].choices[0].delta.role, "assistant");
    assert.equal(said.map((c) => c.choices[0].delta.content ?? "").join(""), "1, 2, 3, 4, 5");
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.total_tokens > 0);
  });

  test(`the stream helper folds to the final completion · ${model}`, async () => {
    const stream = client.chat.completions.stream({ model, messages: user("count to five") });
    const deltas = [];
    stream.on("content", (delta) => deltas.push(delta));
    const final = await stream.finalChatCompletion();
    assert.equal(deltas.join(""), "1, 2, 3, 4, 5");
    assert.equal(final.choices[0].message.content, "1, 2, 3, 4, 5");
    assert.equal(final.choices[0].finish_reason, "stop");
  });

  test(`a forced tool is called, whole and streamed · ${model}`, async () => {
    const asked = { model, messages: user("Montreal"), tools: [weather], tool_choice: forced };
    const whole = await client.chat.completions.create(asked);
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
    for (const answer of [whole, streamed]) {
      const [call] = answer.choices[0].message.tool_calls;
      assert.equal(call.function.name, "get_weather");
      assert.deepEqual(JSON.parse(call.function.arguments), { city: "Montreal" });
    }
  });

  test(`a failure in mid-stream is raised, never a clean end · ${model}`, async () => {
    const messages = user("[[sandbox chunks=9 error_after=3]]");
    let text = "";
    await assert.rejects(
      async () => {
        const stream = await client.chat.completions.create({ model, messages, stream: true });
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      },
      (error) => error instanceof OpenAI.APIError && error.code === "stream_broken",
    );
    assert.equal(text, "w0 w1 w2 ");
    await assert.rejects(client.chat.completions.stream({ model, messages }).finalChatCompletion(), OpenAI.APIError);
  });

  test(`the inference surface names the model asked for · ${model}`, async () => {
    const inference = at("/api/v1/inference");
    const whole = await inference.chat.completions.create({ model, messages: user("hi") });
    const streamed = await inference.chat.completions.stream({ model, messages: user("hi") }).finalChatCompletion();
    assert.equal(whole.model, model);
    assert.equal(streamed.model, model);
  });
}

test("errors are the SDK's own classes", async () => {
  const ask = (text, more = {}) => client.chat.completions.create({ model: AZURE, messages: user(text), ...more });
  await assert.rejects(
    at("/v1", "ni_live_nonsense").chat.completions.create({ model: AZURE, messages: user("hi") }),
    (error) => error instanceof OpenAI.AuthenticationError && /Invalid API key/.test(error.message),
  );
  await assert.rejects(
    at("/api/v1/inference").chat.completions.create({ model: "no/such-model", messages: user("hi") }),
    (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found",
  );
  await assert.rejects(ask("hi", { messages: [] }), OpenAI.BadRequestError);
  await assert.rejects(ask("hi", { model: HAIKU, residency: ["CA"] }), OpenAI.PermissionDeniedError);
  await assert.rejects(ask("[[sandbox status=429]] hi"), OpenAI.RateLimitError);
  await assert.rejects(ask("[[sandbox status=500]] hi"), OpenAI.InternalServerError);
});

test("models are listed, and retrieved by ids with slashes and colons", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  for (const route of ROUTES) assert.ok(ids.includes(route), route);
  for (const base of ["/v1", "/api/v1/inference"]) {
    assert.equal((await at(base).models.retrieve(HAIKU)).id, HAIKU);
    assert.equal((await at(base).models.retrieve(QWEN)).id, QWEN);
  }
});
