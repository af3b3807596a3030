// Both Node SDKs on every provider's wire format. The cells are the Python matrix's own, given in NI_CELLS as JSON:
// a list of {title, dialect, route, scenario, stream, refused, thoughtsShown}; NI_PNG is an image in base64.

import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { anthropicAsker } from "./matrix/anthropic.mjs";
import { openaiAsker } from "./matrix/openai.mjs";
import { refused, SCENARIOS } from "./matrix/scenarios.mjs";

const { NI_BASE_URL: origin, NI_API_KEY: apiKey, NI_CELLS = "[]" } = process.env;
const CLOSED_MS = 20;
const cells = JSON.parse(NI_CELLS);
const askers = {
  "OpenAI chat": openaiAsker(origin, apiKey),
  "Anthropic messages": anthropicAsker(origin, apiKey),
};
const breaks = (cell) => cell.stream && cell.scenario === "mid-stream error";

function run(cell) {
  const at = { ...cell, asker: askers[cell.dialect] };
  const scenario = SCENARIOS[cell.scenario];
  return cell.refused ? refused(at, scenario) : scenario(at);
}

describe("at once", { concurrency: 8 }, () => {
  for (const cell of cells.filter((each) => !breaks(each))) test(cell.title, () => run(cell));
});

// After such a failure the edge closes the connection; Node's fetch may be about to use it again, and the SDKs, which
// would try once more by themselves, are told here not to.
describe("one by one", () => {
  for (const cell of cells.filter(breaks)) {
    test(cell.title, async () => {
      await run(cell);
      await pause(CLOSED_MS);
    });
  }
});
