// Verifies custody receipts, and logs, from the specifications alone: c2sp.org/{signed-note, tlog-checkpoint, tlog-proof,
// tlog-tiles, tlog-cosignature, tlog-policy}, RFC 6962, RFC 9162, RFC 8785. WebCrypto only: one file for Node 20 or later
// and for browsers; nothing is fetched.
//
//   node verify.mjs RECEIPT (--key VKEY | --policy FILE) [--id ID] [--request FILE] [--response FILE] [--json]
//                           [--promise TEXT --promise-key VKEY] [--worker-key HEX]...
//   node verify.mjs --log FOLDER (--key VKEY | --policy FILE) [--seen FILE] [--json]      FILE: an earlier checkpoint
//
//   import { readPolicy, policyOf, verifyReceipt, verifyLog } from "./verify.mjs";

export const EXIT_CODES = Object.freeze({
  malformed_receipt: 10, malformed_proof: 11, malformed_note: 12, malformed_checkpoint: 13, malformed_key: 14,
  malformed_policy: 15, malformed_tile: 16, malformed_promise: 17, unknown_key: 20, bad_signature: 21, wrong_origin: 22,
  quorum: 23, not_included: 30, other_request: 40, request_differs: 41, response_differs: 42, not_stated: 43,
  rolled_back: 50, inconsistent: 51, missing_tile: 52,
});

export class Refused extends Error {
  constructor(reason, message) {
    super(message);
    this.reason = reason;
  }
}

const refuse = (reason, message) => { throw new Refused(reason, message); };

// ---- bytes ----------------------------------------------------------------------------------------------------------

const utf8 = new TextEncoder();

function text(bytes, reason) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse(reason, "not text in UTF-8");
  }
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const encode64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** Base64 in its one spelling; null for anything else. */
function decode64(written) {
  try {
    const raw = Uint8Array.from(atob(written), (character) => character.charCodeAt(0));
    return encode64(raw) === written ? raw : null;
  } catch {
    return null;
  }
}

const decimal = (digits) => (/^(0|[1-9][0-9]{0,19})$/.test(digits) ? BigInt(digits) : null);

// ---- hashes: RFC 6962 section 2.1 -----------------------------------------------------------------------------------

const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
const leafHash = (entry) => sha256([0], entry);
const nodeHash = (left, right) => sha256([1], left, right);

/** RFC 9162 section 2.1.3.2. */
async function includes(index, size, leaf, path, root) {
  if (index >= size) return false;
  let [at, last, found] = [index, size - 1n, leaf];
  for (const other of path) {
    if (last === 0n) return false;
    if (at & 1n || at === last) {
      found = await nodeHash(other, found);
      while (!(at & 1n) && at) [at, last] = [at >> 1n, last >> 1n];
    } else {
      found = await nodeHash(found, other);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && same(found, root);
}

// ---- keys, notes, checkpoints ---------------------------------------------------------------------------------------

const SIGNS = 1, COSIGNS = 4;
const isName = (name) => name !== "" && !/[+\p{White_Space}]/u.test(name);

/** A verifier key, `<name>+<id>+<base64>`. */
export async function readKey(written) {
  const trimmed = written.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
  const [, name, id, material] = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(trimmed) ?? [];
  const raw = decode64(material ?? "");
  if (!raw || raw.length !== 33 || ![SIGNS, COSIGNS].includes(raw[0]) || !isName(name)) {
    refuse("malformed_key", "a key is written <name>+<id>+<base64>, and is an Ed25519 key");
  }
  const own = hex((await sha256(utf8.encode(`${name}\n`), raw)).subarray(0, 4));
  if (own !== id) refuse("malformed_key", "the key and its id do not belong together");
  return { name, id, type: raw[0], raw: raw.subarray(1) };
}

async function ed25519(raw, signature, message) {
  try {
    const key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
  } catch (error) {
    if (error.name === "NotSupportedError") throw error;
    return false;
  }
}

/** The time a key signed at, 0 where its signatures have none; null where the signature is not of this text. */
async function signedAt(key, body, signature) {
  if (key.type === SIGNS) return (await ed25519(key.raw, signature, utf8.encode(body))) ? 0n : null;
  if (signature.length < 8) return null;
  const at = BigInt(`0x${hex(signature.subarray(0, 8))}`);
  const message = utf8.encode(`cosignature/v1\ntime ${at}\n${body}`);
  return at < 1n << 63n && (await ed25519(key.raw, signature.subarray(8), message)) ? at : null;
}

/** The text of a note that `key` has signed, and when. */
async function openNote(note, key) {
  const gap = note.lastIndexOf("\n\n");
  if (note.length > 1 << 20 || gap < 1 || !note.endsWith("\n") || gap + 2 === note.length) {
    refuse("malformed_note", "a note is a text, an empty line, and lines of signatures");
  }
  if (/[\0-\x09\x0b-\x1f]/.test(note)) refuse("malformed_note", "a note has no control characters");
  const body = note.slice(0, gap + 1);
  const lines = note.slice(gap + 2, -1).split("\n");
  if (lines.length > 100) refuse("malformed_note", "the note has too many signatures");
  let found = null;
  for (const line of lines) {
    const [, name, value] = /^\u2014 ([^ ]*) (.*)$/s.exec(line) ?? [];
    const raw = decode64(value ?? "");
    if (!raw || raw.length <= 4 || !isName(name)) refuse("malformed_note", "a signature is a dash, a name, and base64");
    if (name !== key.name || hex(raw.subarray(0, 4)) !== key.id) continue;
    found = await signedAt(key, body, raw.subarray(4));
    if (found === null) refuse("bad_signature", `the signature of ${name} is not of this text`);
  }
  if (found === null) refuse("unknown_key", `the note is not signed by ${key.name}`);
  return { body, at: found };
}

async function openCheckpoint(note, log) {
  const { body } = await openNote(note, log);
  const lines = body.split("\n");
  if (lines.length < 4 || lines.slice(0, -1).includes("")) {
    refuse("malformed_checkpoint", "a checkpoint has an origin, a size and a root, a line each");
  }
  const [origin, size, root] = [lines[0], decimal(lines[1]), decode64(lines[2])];
  if (size === null || root?.length !== 32) refuse("malformed_checkpoint", "the size or the root cannot be read");
  if (origin !== log.name) refuse("wrong_origin", `the checkpoint is of ${origin}, not of ${log.name}`);
  return { origin, size, root };
}

// ---- policies: c2sp.org/tlog-policy ---------------------------------------------------------------------------------

/** One log and no witness. */
export async function policyOf(written) {
  const key = await readKey(written);
  if (key.type !== SIGNS) refuse("malformed_key", "the key is a witness's, not a log's");
  return { logs: [key], witnesses: new Map(), groups: new Map(), quorum: "none" };
}

export async function readPolicy(written) {
  const wrong = (message) => refuse("malformed_policy", message);
  if (written.length > 1 << 16 || /[\0-\x08\x0b-\x1f]/.test(written)) wrong("too long, or control characters");
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: null };
  const { logs, witnesses, groups } = policy;
  const members = new Set();
  let count = 0;
  const isDefined = (name) => witnesses.has(name) || groups.has(name);
  const fresh = (name) => (name === "none" || isDefined(name) ? wrong("a name is defined once, and not `none`") : name);
  const keyOf = async (word, type, known) => {
    const key = await readKey(word);
    if (key.type !== type) wrong("a log's key is of type 1, a witness's of type 4");
    if (known.some((other) => same(other.raw, key.raw))) wrong("a key is listed once");
    return key;
  };
  const takes = {
    log: async (words) => {
      if (words.length < 1 || words.length > 2) wrong("a log is written `log <key> [<url>]`");
      logs.push(await keyOf(words[0], SIGNS, logs));
    },
    witness: async (words) => {
      if (words.length < 2 || words.length > 3) wrong("a witness is written `witness <name> <key> [<url>]`");
      const name = fresh(words[0]);
      witnesses.set(name, await keyOf(words[1], COSIGNS, [...witnesses.values()]));
    },
    group: ([name, k, ...of]) => {
      if (!of.length || !of.every(isDefined)) wrong("a group is written `group <name> <k>|all|any <name>…`");
      if (new Set(of).size < of.length || of.some((each) => members.has(each))) wrong("a member of one group, once");
      const threshold = k === "all" ? BigInt(of.length) : k === "any" ? 1n : decimal(k);
      if (!threshold || threshold > of.length) wrong("a group's number is at least 1, at most that of its members");
      groups.set(fresh(name), { threshold: Number(threshold), members: of });
      of.forEach((each) => members.add(each));
    },
    quorum: (words) => {
      if (words.length !== 1 || policy.quorum !== null || (words[0] !== "none" && !isDefined(words[0]))) {
        wrong("one line says `quorum <name>`, a name defined before it");
      }
      policy.quorum = words[0];
    },
  };
  for (const line of written.split("\n")) {
    const words = line.split(/[ \t]+/).filter(Boolean);
    if (!words.length || words[0].startsWith("#")) continue;
    count += 1;
    if (!Object.hasOwn(takes, words[0]) || count > 256) {
      wrong("a line says `log`, `witness`, `group` or `quorum`, and there are at most 256");
    }
    await takes[words[0]](words.slice(1));
  }
  if (policy.quorum === null || !logs.length) wrong("a policy names a log and a quorum");
  return policy;
}

/** The checkpoint in a note that the policy accepts, and when which witness cosigned it. */
export async function openByPolicy(note, { logs, witnesses, groups, quorum }) {
  const origin = note.split("\n", 1)[0];
  const named = logs.filter((log) => log.name === origin);
  const candidates = named.length ? named : logs.slice(0, 1);
  let head = null;
  for (const [at, log] of candidates.entries()) {
    try {
      head = await openCheckpoint(note, log);
      break;
    } catch (error) {
      if (error.reason !== "unknown_key" || at === candidates.length - 1) throw error;
    }
  }
  const seen = new Map();
  for (const [name, key] of witnesses) {
    try {
      seen.set(name, (await openNote(note, key)).at);
    } catch (error) {
      if (error.reason !== "unknown_key") throw error;
    }
  }
  const hasSeen = (name) => {
    const group = groups.get(name);
    return group ? group.members.filter(hasSeen).length >= group.threshold : name === "none" || seen.has(name);
  };
  if (!hasSeen(quorum)) refuse("quorum", `${seen.size} of ${witnesses.size} witnesses have signed: no ${quorum}`);
  return { head, seen };
}

// ---- receipts -------------------------------------------------------------------------------------------------------

/** c2sp.org/tlog-proof. */
function readProof(written) {
  const wrong = (message) => refuse("malformed_proof", message);
  const gap = written.indexOf("\n\n");
  const [header, ...lines] = written.slice(0, Math.max(gap, 0)).split("\n");
  if (header !== "c2sp.org/tlog-proof@v1") wrong("the file is no tlog-proof");
  let extra = new Uint8Array();
  if (lines[0]?.startsWith("extra ")) extra = decode64(lines.shift().slice(6)) ?? wrong("the extra line is not base64");
  const line = lines.shift() ?? "";
  const index = line.startsWith("index ") ? decimal(line.slice(6)) : null;
  const path = lines.map(decode64);
  if (index === null || path.length > 64 || path.some((each) => each?.length !== 32)) wrong("the index or the path");
  return { extra, index, path, checkpoint: written.slice(gap + 2) };
}

/** RFC 8785 for objects, arrays, strings, integers, booleans and null, names in ASCII; null where it is another. */
function canonical(value, depth = 0) {
  if (typeof value === "string") return /\p{Cs}/u.test(value) ? null : JSON.stringify(value);
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : null;
  if (value === null || typeof value === "boolean") return String(value);
  if (depth >= 32) return null;
  const parts = Array.isArray(value)
    ? value.map((each) => canonical(each, depth + 1))
    : Object.keys(value).sort().map((name) => {
        const inside = canonical(value[name], depth + 1);
        return inside === null || /[^\0-\x7f]/.test(name) ? null : `${JSON.stringify(name)}:${inside}`;
      });
  if (parts.includes(null)) return null;
  return Array.isArray(value) ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
}

function readObject(written) {
  try {
    const said = JSON.parse(written);
    if (said && typeof said === "object" && !Array.isArray(said) && canonical(said) === written) return said;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return refuse("malformed_receipt", "what the receipt carries is not canonical JSON");
}

async function compare(record, salt, name, file, reason, what) {
  const stated = record.hashes && Object.hasOwn(record.hashes, name) ? record.hashes[name] : null;
  if (typeof stated !== "string" || !/^[0-9a-f]{64}$/.test(stated)) {
    refuse("not_stated", `the record has no hash of ${what}`);
  }
  const key = await crypto.subtle.importKey("raw", salt, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  if (!(await crypto.subtle.verify("HMAC", key, unhex(stated), file))) refuse(reason, `the file is not ${what}`);
}

/** The workers' keys of the statements in a record, each signed, and of this very request; throws Refused. */
async function stated(record) {
  const hops = Array.isArray(record.hops) ? record.hops : [];
  const found = hops.filter((hop) => hop?.role === "worker" && (hop.signature ?? null) !== null);
  for (const { public_key: key, signature, statement } of found) {
    const written = [key, signature].every((each) => typeof each === "string" && /^([0-9a-f]{2})*$/.test(each));
    if (!written || key.length !== 64 || !statement || typeof statement !== "object" || Array.isArray(statement)) {
      refuse("not_stated", "a worker's statement in the record cannot be read");
    }
    const message = utf8.encode(`ni-worker/v1\0${canonical(statement)}`);
    if (!(await ed25519(unhex(key), unhex(signature), message))) {
      refuse("bad_signature", "the worker's statement is not what its key signed");
    }
  }
  if (found.some(({ statement }) => (statement.request_id ?? null) !== (record.request_id ?? null))) {
    refuse("other_request", "a worker's statement in the record is of another request");
  }
  return found.map((hop) => hop.public_key);
}

const PROMISE =
  /^v=1, at=([0-9]{1,15}), request="([0-9a-f]{64})", key="([0-9a-f]{8})", signature=:([A-Za-z0-9+/=]{88}):$/;

/** Nothing, where the record is the one that a promise (the header) was of; throws Refused. */
async function kept(record, promise, key) {
  const [, at, request, id, material] = (promise.length <= 512 && PROMISE.exec(promise)) || [];
  const signature = decode64(material ?? "");
  if (!request || !signature) refuse("malformed_promise", "a promise is written as the header has it");
  if (id !== key.id) refuse("unknown_key", "the promise is signed by another key than the one that is trusted");
  const of = typeof record.request_id === "string" ? record.request_id : "";
  const message = `ni-custody-promise/v1\n${of}\n${request}\n${Number(at)}\n`;
  if ((await signedAt(key, message, signature)) === null) {
    refuse("bad_signature", "the promise is not what the key signed for that request");
  }
  const received = record.hashes?.request_received ?? null;
  if (received === null) refuse("not_stated", "the record has no hash of the request that was promised");
  if (received !== request) refuse("request_differs", "the record is of another request than was promised");
}

/**
 * What a receipt (bytes) proves under a policy; throws Refused. `id`: of the request; `request`, `response`: bytes;
 * `promise`: the header, `promiseKey`: of readKey; `workerKeys`: in hex, whose statements there have to be.
 */
export async function verifyReceipt(bytes, policy, options = {}) {
  const { id, request, response, promise, promiseKey, workerKeys } = options;
  if (bytes.length > 4 << 20) refuse("malformed_receipt", "the file is larger than a receipt may be");
  const proof = readProof(text(bytes, "malformed_receipt"));
  const extra = readObject(text(proof.extra, "malformed_receipt"));
  const { record: written, salt: digits, v } = extra;
  if (Object.keys(extra).length !== 3 || v !== 1 || ![written, digits].every((each) => typeof each === "string") ||
      !/^[0-9a-f]{64}$/.test(digits)) {
    refuse("malformed_receipt", "the proof carries no record and salt of version 1");
  }
  const [record, salt] = [readObject(written), unhex(digits)];
  const { head, seen } = await openByPolicy(proof.checkpoint, policy);
  const entry = await sha256(utf8.encode("ni-custody/v1\0"), salt, utf8.encode(written));
  if (!(await includes(proof.index, head.size, await leafHash(entry), proof.path, head.root))) {
    refuse("not_included", "the log does not hold this record with this salt where the proof says");
  }
  const workers = await stated(record);
  if (workerKeys && !workers.length) refuse("not_stated", "the record carries no statement that a worker signed");
  if (workerKeys && !workers.every((key) => workerKeys.includes(key))) {
    refuse("unknown_key", "a worker's statement is signed by another key than those that are trusted");
  }
  if (id !== undefined && record.request_id !== id) refuse("other_request", "the receipt is of another request");
  if (promise !== undefined) await kept(record, promise, promiseKey);
  if (request) {
    await compare(record, salt, "request_received", request, "request_differs", "the request that the gateway received");
  }
  if (response) {
    await compare(record, salt, "response_delivered", response, "response_differs", "the response that was delivered");
  }
  return {
    ok: true, request_id: record.request_id ?? "", origin: head.origin, index: Number(proof.index),
    size: Number(head.size), root: encode64(head.root),
    witnesses: Object.fromEntries(Array.from(seen, ([name, at]) => [name, Number(at)])),
    request: request ? "same" : null, response: response ? "same" : null,
    promise: promise === undefined ? null : "kept",
    workers: workers.map((key) => ({ public_key: key, known: Boolean(workerKeys) })), record,
  };
}

// ---- logs: c2sp.org/tlog-tiles --------------------------------------------------------------------------------------

const WIDTH = 256;

function tilePath(level, index, width) {
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  return `tile/${level}/${groups.join("/")}${width < WIDTH ? `.p/${width}` : ""}`;
}

function entriesOf(bundle, path) {
  const entries = [];
  for (let at = 0; at < bundle.length; ) {
    const size = bundle[at] * 256 + bundle[at + 1];
    if (!(at + 2 + size <= bundle.length)) refuse("malformed_tile", `${path} ends within an entry`);
    entries.push(bundle.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return entries;
}

/**
 * Whether a whole log is what its checkpoint says and continues an earlier one (`seen`: a note); throws Refused.
 * `file(path)` gives a file's bytes, null where there is none.
 */
export async function verifyLog(file, policy, { seen } = {}) {
  const noted = await file("checkpoint");
  if (!noted) throw new Error("there is no checkpoint, so there is no log here");
  const { head } = await openByPolicy(text(noted, "malformed_note"), policy);
  const old = seen === undefined ? null : (await openByPolicy(seen, policy)).head;
  if (old && old.origin !== head.origin) refuse("wrong_origin", `the log that was seen is ${old.origin}`);
  if (old && head.size < old.size) refuse("rolled_back", `the log had ${old.size} entries and now has ${head.size}`);
  if (head.size > 1n << 40n) refuse("malformed_checkpoint", "the log is larger than this program reads");
  const size = Number(head.size);
  const widthOf = (level, index) => Math.min(WIDTH, Math.floor(size / WIDTH ** Math.max(level, 0)) - index * WIDTH);

  async function tile(level, index) {
    const [width, name] = [widthOf(level, index), level < 0 ? "entries" : level];
    const path = tilePath(name, index, width);
    const found = (await file(path)) ?? (width < WIDTH ? await file(tilePath(name, index, WIDTH)) : null);
    if (!found) refuse("missing_tile", `the log does not have ${path}, which its checkpoint promises`);
    return { found, width, path };
  }

  const kept = new Map(); // tiles at the growing edge
  async function hashAt(level, at) {
    const index = Math.floor(at / WIDTH);
    if (kept.get(level)?.index !== index) {
      const { found, width, path } = await tile(level, index);
      if (found.length % 32 || found.length < width * 32) refuse("malformed_tile", `${path} has ${found.length} bytes`);
      kept.set(level, { index, found });
    }
    const offset = (at % WIDTH) * 32;
    return kept.get(level).found.subarray(offset, offset + 32);
  }

  const edge = []; // of the tree so far: [level, hash], largest first
  const rootNow = async () => {
    if (!edge.length) return sha256();
    let found = edge.at(-1)[1];
    for (const [, left] of edge.slice(0, -1).reverse()) found = await nodeHash(left, found);
    return found;
  };
  const continues = async (count) => {
    if (old && Number(old.size) === count && !same(await rootNow(), old.root)) {
      refuse("inconsistent", `the tree of ${size} does not begin with that of ${count}`);
    }
  };

  await continues(0);
  let count = 0;
  while (count < size) {
    const { found, width, path } = await tile(-1, count / WIDTH);
    const entries = entriesOf(found, path).slice(0, width);
    if (entries.length !== width) refuse("malformed_tile", `${path} has ${entries.length} entries, not ${width}`);
    for (const entry of entries) {
      let [level, at, hash] = [0, count, await leafHash(entry)];
      for (;;) {
        if (level % 8 === 0 && !same(await hashAt(level / 8, at), hash)) {
          refuse("inconsistent", `hash ${at} of level ${level / 8} is not of the entries below it`);
        }
        if (edge.at(-1)?.[0] !== level) break;
        hash = await nodeHash(edge.pop()[1], hash);
        [level, at] = [level + 1, Math.floor(at / 2)];
      }
      edge.push([level, hash]);
      count += 1;
      await continues(count);
    }
  }
  if (!same(await rootNow(), head.root)) {
    refuse("inconsistent", `the entries are not those of the tree of ${size} that was signed`);
  }
  return { ok: true, origin: head.origin, size, before: old ? Number(old.size) : 0, root: encode64(head.root) };
}

// ---- as a command, under Node ---------------------------------------------------------------------------------------

async function main(words) {
  const { readFile } = await import("node:fs/promises");
  const { join: under } = await import("node:path");
  const { parseArgs } = await import("node:util");
  const string = { type: "string" };
  const { values, positionals } = parseArgs({
    args: words, allowPositionals: true,
    options: {
      key: string, policy: string, id: string, request: string, response: string, log: string, seen: string,
      promise: string, "promise-key": string, "worker-key": { ...string, multiple: true }, json: { type: "boolean" },
    },
  });
  const bytes = async (path) => (path === undefined ? undefined : new Uint8Array(await readFile(path)));
  const optional = (path) => bytes(path).catch((error) => (error.code === "ENOENT" ? null : Promise.reject(error)));
  const tell = (said, ...lines) => console.log(values.json ? JSON.stringify(said) : lines.join("\n"));
  if (Boolean(values.key) === Boolean(values.policy) || positionals.length !== (values.log ? 0 : 1)) {
    throw new Error("usage: node verify.mjs RECEIPT | --log FOLDER, and --key VKEY | --policy FILE");
  }
  if (values.promise !== undefined && !values["promise-key"]) throw new Error("--promise needs its --promise-key VKEY");
  try {
    const policy = values.key
      ? await policyOf(values.key)
      : await readPolicy(text(await bytes(values.policy), "malformed_policy"));
    if (values.log) {
      const seen = values.seen && text(await bytes(values.seen), "malformed_note");
      const said = await verifyLog((path) => optional(under(values.log, path)), policy, { seen });
      tell(said, `verified: ${said.origin}, ${said.size} entries, the ${said.before} seen before among them`);
    } else {
      const [request, response] = [await bytes(values.request), await bytes(values.response)];
      const said = await verifyReceipt(await bytes(positionals[0]), policy, {
        id: values.id, request, response, promise: values.promise, workerKeys: values["worker-key"],
        promiseKey: values["promise-key"] && (await readKey(values["promise-key"])),
      });
      tell(
        said,
        `verified: request ${said.request_id}, entry ${said.index} of ${said.size} in ${said.origin}`,
        ["request", "response", "promise"].map((name) => `${name}: ${said[name] ?? "not compared"}`).join("; "),
      );
    }
    return 0;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const code = EXIT_CODES[error.reason];
    if (values.json) tell({ ok: false, reason: error.reason, message: error.message, exit_code: code });
    else console.error(`${error.reason}: ${error.message.replace(/\p{C}/gu, "\ufffd")}`);
    return code;
  }
}

const isCommand = typeof process !== "undefined" && process.argv?.[1] &&
  import.meta.url === (await import("node:url")).pathToFileURL((await import("node:fs")).realpathSync(process.argv[1])).href;
if (isCommand) {
  process.removeAllListeners("warning"); // that Ed25519 in WebCrypto is new
  process.exitCode = await main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    return 2;
  });
}
