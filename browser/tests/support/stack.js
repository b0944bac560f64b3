// A real Prometheus with a little history, `telemetry look` before it, and Debian's Chromium, on ports that are free.

import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { openMetrics } from "./data.js";
import { hostileBoard, kindsBoard } from "./kinds.js";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const { PROMETHEUS = "prometheus", PROMTOOL = "promtool", CHROMIUM = "/usr/bin/chromium" } = process.env;
const RULES = `groups:
- name: always
  rules:
  - alert: HighLatency
    expr: vector(1)
    labels: {severity: warning, area: api}
    annotations: {summary: High p99 latency, description: p99 is 7 s, runbook_url: "http://localhost:9090/user/HighLatency.md"}
  - {alert: TargetDown, expr: vector(1), for: 1h, labels: {severity: critical}, annotations: {summary: A target is down}}
`;
const CONFIG = `global: {evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
- job_name: gone
  static_configs: [{targets: ["127.0.0.1:1"]}]
`;

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(url, process) {
  for (let tries = 0; tries < 900; tries++) {
    if (process.exitCode !== null)
      throw new Error(`${process.spawnfile} ended with ${process.exitCode}: ${process.said}`);
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} does not answer: ${process.said}`);
}

function started(command, ...words) {
  const process = spawn(command, words, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  process.said = "";
  for (const stream of [process.stdout, process.stderr])
    stream.on("data", (text) => (process.said = (process.said + text).slice(-4000)));
  return process;
}

const ended = (process) =>
  new Promise((resolve) => {
    if (process.exitCode !== null || process.signalCode !== null) resolve();
    else process.once("exit", resolve).kill();
  });

/** A Prometheus over a history; one without `data` is empty, and has no rules. */
export class Prometheus {
  constructor(port, data) {
    this.folder = mkdtempSync(join(tmpdir(), "look-prometheus-"));
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    if (data) cpSync(data, join(this.folder, "data"), { recursive: true });
    writeFileSync(join(this.folder, "rules.yml"), data ? RULES : "groups: []\n");
    writeFileSync(join(this.folder, "prometheus.yml"), CONFIG);
  }

  async start() {
    this.process = started(
      PROMETHEUS,
      `--config.file=${this.folder}/prometheus.yml`,
      `--storage.tsdb.path=${this.folder}/data`,
      `--web.listen-address=127.0.0.1:${this.port}`,
      "--storage.tsdb.retention.time=90d",
    );
    await answers(`${this.url}/-/ready`, this.process);
    return this;
  }

  async stop() {
    await ended(this.process);
  }

  async remove() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What it answers itself. */
  async ask(path, parameters) {
    const answer = await fetch(`${this.url}/api/v1/${path}`, {
      method: "POST",
      body: new URLSearchParams(parameters),
    });
    return (await answer.json()).data;
  }
}

/** A folder with some hours of history up to this minute, as blocks. */
export function history({ end = Math.floor(Date.now() / 60000) * 60, seconds = 3 * 3600, step = 15 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "look-history-"));
  writeFileSync(join(folder, "samples"), openMetrics({ end, seconds, step }));
  execFileSync(
    PROMTOOL,
    ["tsdb", "create-blocks-from", "openmetrics", join(folder, "samples"), join(folder, "data")],
    { stdio: "ignore" },
  );
  return { data: join(folder, "data"), end, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** `telemetry look` at our boards, and at those of the tests. */
export async function look(prometheus, ...words) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "look-boards-"));
  for (const board of [kindsBoard, hostileBoard])
    writeFileSync(join(folder, `${board.uid}.json`), JSON.stringify(board));
  const process = started(
    join(ROOT, ".venv/bin/python"),
    ...["-m", "telemetry", "look", "--port", String(port), "--prometheus", prometheus],
    ...[
      "--dashboards",
      "monitoring/grafana/dashboards",
      "--dashboards",
      folder,
      "--runbooks",
      "monitoring/runbooks",
    ],
    ...["--trace-url", "https://traces.example/{trace_id}", ...words],
  );
  await answers(`http://127.0.0.1:${port}/healthz`, process);
  const stop = async () => {
    await ended(process);
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `http://127.0.0.1:${port}/`, stop };
}

export const ourBoards = () =>
  readdirSync(join(ROOT, "monitoring/grafana/dashboards"))
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -5));

/** Everything that the tests in a browser need; `close` ends it. */
export async function world() {
  const past = history();
  const full = await new Prometheus(await freePort(), past.data).start();
  const empty = await new Prometheus(await freePort()).start();
  const [shown, bare] = [await look(full.url), await look(empty.url)];
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  return {
    past,
    full,
    empty,
    shown,
    bare,
    browser,
    close: async () => {
      await browser.close();
      await Promise.all([shown.stop(), bare.stop(), full.remove(), empty.remove()]);
      past.remove();
    },
  };
}

/** A page, and what went wrong in it. */
export async function opened(browser, { width = 1280, height = 900, dark = false } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    timezoneId: "UTC",
    colorScheme: dark ? "dark" : "light",
    locale: "en-US",
  });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(String(error.stack)));
  page.on(
    "request",
    (request) =>
      new URL(request.url()).hostname !== "127.0.0.1" &&
      !request.url().startsWith("data:") &&
      faults.push(request.url()),
  );
  page.on("dialog", (dialog) => faults.push(dialog.message()));
  return { page, faults, close: () => context.close() };
}

/** Goes there, and waits until it is drawn. */
export async function visit(page, url) {
  await page.goto(url);
  await ready(page);
}

export const ready = (page) =>
  page.waitForFunction(() => document.documentElement.dataset.ready === "true", null, { timeout: 60000 });

/** A folder for pictures, where somebody wants to see them. */
export async function picture(page, name) {
  const folder = process.env.PICTURES;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
