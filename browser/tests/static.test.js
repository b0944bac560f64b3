import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const STATIC = new URL("../../telemetry/look/static/", import.meta.url);
const files = readdirSync(STATIC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`);
const read = (path) => readFileSync(path, "utf8");

test("the whole page is at most 120 KB gzipped", () => {
  const sent = files.filter((path) => /\.(js|css|html)$/.test(path));
  const size = sent.reduce((sum, path) => sum + gzipSync(read(path), { level: 9 }).length, 0);
  assert.ok(size <= 120 * 1024, `${size} bytes`);
});

test("what is vendored is what its hashes say, and comes with its licence", () => {
  const folder = new URL("vendor/uplot/", STATIC);
  const rows = read(new URL("SHA256SUMS", folder))
    .trim()
    .split("\n")
    .map((line) => line.split(/\s+/));
  assert.deepEqual(
    rows.map(([, name]) => name).sort(),
    readdirSync(folder)
      .filter((name) => name !== "SHA256SUMS")
      .sort(),
  );
  for (const [hash, name] of rows)
    assert.equal(
      createHash("sha256")
        .update(readFileSync(new URL(name, folder)))
        .digest("hex"),
      hash,
      name,
    );
  assert.match(read(new URL("LICENSE", folder)), /MIT License/);
});

test("no module makes markup, code or addresses of text, and one place fetches", () => {
  for (const path of files.filter((name) => name.endsWith(".js") && !name.includes("/vendor/"))) {
    const text = read(path);
    assert.doesNotMatch(
      text,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|import\.meta|https?:\/\/(?!www\.w3\.org)[\w.-]+\.\w/,
      path,
    );
    if (!path.endsWith("/api.js"))
      assert.doesNotMatch(text, /\bfetch\(|XMLHttpRequest|WebSocket|EventSource/, path);
  }
});

test("the page's own markup has no script, style or handler inside", () => {
  const page = read(new URL("index.html", STATIC));
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)/);
  assert.match(page, /<base href="\/">/);
});
