// Runs a TypeScript file as Node's newer versions do by themselves: the types taken away, nothing checked.

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import amaro from "amaro";

const file = resolve(process.argv[2]);
const stripped = file.replace(/\.ts$/, ".mjs");
writeFileSync(stripped, amaro.transformSync(readFileSync(file, "utf8"), { mode: "strip-only" }).code);
await import(pathToFileURL(stripped));
