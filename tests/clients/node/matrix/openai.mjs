// Asks through OpenAI's Node SDK: `.create`, and the stream helper.

import OpenAI from "openai";

import { failed } from "./seen.mjs";

const ENDS = { stop: "end", tool_calls: "tools", length: "length", content_filter: "refusal" };

export function openaiAsker(origin, apiKey) {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries: 0 });

  async function streamed(asked) {
    let text = "";
    const stream = client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } });
    stream.on("content", (delta) => (text += delta));
    try {
      const seen = seenIn(await stream.finalChatCompletion());
      if (seen.text !== text) throw new Error("the helper's deltas are not its final text");
      return seen;
    } catch (error) {
      return failed(error, OpenAI.APIError, text);
    }
  }

  return {
    user(talk, text, image) {
      const url = image && `data:image/png;base64,${image.toString("base64")}`;
      const content = image ? [{ type: "text", text }, { type: "image_url", image_url: { url } }] : text;
      talk.push({ role: "user", content });
    },

    results(talk, seen, results) {
      talk.push(seen.turn);
      seen.calls.forEach((call, at) => talk.push({ role: "tool", tool_call_id: call.id, content: results[at] }));
    },

    async ask(talk, route, wish, stream) {
      const asked = { model: route, messages: talk, ...wished(wish) };
      if (stream) return streamed(asked);
      return client.chat.completions.create(asked).then(seenIn, (error) => failed(error, OpenAI.APIError));
    },
  };
}

function wished({ tools = [], forced, schema, thinking, maxTokens = 2000 }) {
  const asked = { max_completion_tokens: maxTokens };
  if (tools.length) {
    asked.tools = tools.map(({ name, schema: parameters }) => ({ type: "function", function: { name, parameters } }));
  }
  if (forced) asked.tool_choice = { type: "function", function: { name: forced } };
  if (schema) asked.response_format = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
  if (thinking) asked.reasoning_effort = "medium";
  return asked;
}

function seenIn(answer) {
  const [{ message, finish_reason: reason }] = answer.choices;
  const usage = answer.usage;
  if (usage.total_tokens !== usage.prompt_tokens + usage.completion_tokens) throw new Error("the total is no sum");
  const { parsed, ...turn } = message; // the helper's own
  return {
    text: message.content ?? "",
    thought: message.reasoning_content ?? "",
    calls: (message.tool_calls ?? []).map(({ id, function: { name, arguments: text } }) => ({
      id,
      name,
      arguments: JSON.parse(text),
    })),
    end: message.refusal ? "refusal" : ENDS[reason],
    inputTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
    turn,
  };
}
