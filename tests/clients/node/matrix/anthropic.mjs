// Asks through Anthropic's Node SDK: `.create`, and the stream helper.

import Anthropic from "@anthropic-ai/sdk";

import { failed } from "./seen.mjs";

const ENDS = { end_turn: "end", stop_sequence: "end", tool_use: "tools", max_tokens: "length", refusal: "refusal" };
const BUDGET = 1024;

export function anthropicAsker(origin, apiKey) {
  const client = new Anthropic({ baseURL: origin, apiKey, maxRetries: 0 });

  async function streamed(asked) {
    let text = "";
    const stream = client.messages.stream(asked);
    stream.on("text", (delta) => (text += delta));
    try {
      const seen = seenIn(await stream.finalMessage());
      if (seen.text !== text) throw new Error("the helper's deltas are not its final text");
      return seen;
    } catch (error) {
      return failed(error, Anthropic.APIError, text);
    }
  }

  return {
    user(talk, text, image) {
      const source = image && { type: "base64", media_type: "image/png", data: image.toString("base64") };
      talk.push({ role: "user", content: image ? [{ type: "image", source }, { type: "text", text }] : text });
    },

    results(talk, seen, results) {
      const blocks = seen.calls.map(({ id }, at) => ({ type: "tool_result", tool_use_id: id, content: results[at] }));
      talk.push(seen.turn, { role: "user", content: blocks });
    },

    async ask(talk, route, wish, stream) {
      const asked = { model: route, messages: talk, ...wished(wish) };
      if (stream) return streamed(asked);
      return client.messages.create(asked).then(seenIn, (error) => failed(error, Anthropic.APIError));
    },
  };
}

function wished({ tools = [], forced, schema, thinking, maxTokens = 2000 }) {
  const asked = { max_tokens: maxTokens };
  if (tools.length) asked.tools = tools.map(({ name, schema: input_schema }) => ({ name, input_schema }));
  if (forced) asked.tool_choice = { type: "tool", name: forced };
  if (schema) asked.output_config = { format: { type: "json_schema", schema } };
  if (thinking) asked.thinking = { type: "enabled", budget_tokens: BUDGET };
  return asked;
}

function seenIn({ content, stop_reason: reason, usage }) {
  const of = (type) => content.filter((block) => block.type === type);
  return {
    text: of("text").map(({ text }) => text).join(""),
    thought: of("thinking").map(({ thinking }) => thinking).join(""),
    calls: of("tool_use").map(({ id, name, input }) => ({ id, name, arguments: input })),
    end: ENDS[reason],
    inputTokens: usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
    outputTokens: usage.output_tokens,
    turn: { role: "assistant", content },
  };
}
