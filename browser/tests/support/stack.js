// A real Prometheus with a little history, and `telemetry look` before it, on ports that are free.

import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openMetrics } from "./data.js";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const RULES = `groups:
- name: always
  rules:
  - {alert: HighLatency, expr: vector(1), labels: {severity: warning, area: api}, annotations: {summary: High p99 latency, description: "p99 is 7 s", runbook_url: "http://localhost:9090/user/HighLatency.md"}}
  - {alert: TargetDown, expr: vector(1), for: 1h, labels: {severity: critical}, annotations: {summary: A target is down}}
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
  for (let tries = 0; tries < 600; tries++) {
    if (process.exitCode !== null)
      throw new Error(`${process.spawnfile} ended with ${process.exitCode}: ${process.said}`);
    if (
      await fetch(url).then(
        (answer) => answer.ok,
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
  new Promise((resolve) =>
    process.exitCode === null && process.signalCode === null
      ? process.once("exit", resolve).kill()
      : resolve(),
  );

/** A Prometheus over the history in a folder; `empty` has none. */
export class Prometheus {
  static async over(history, port, { empty = false } = {}) {
    const folder = mkdtempSync(join(tmpdir(), "look-prometheus-"));
    const own = new Prometheus();
    Object.assign(own, { folder, port, url: `http://127.0.0.1:${port}` });
    if (!empty) cpSync(history, join(folder, "data"), { recursive: true });
    writeFileSync(join(folder, "rules.yml"), RULES);
    writeFileSync(
      join(folder, "prometheus.yml"),
      `global: {evaluation_interval: 1s}\n${empty ? "" : "rule_files: [rules.yml]\n"}scrape_configs:\n- job_name: gone\n  static_configs: [{targets: ["127.0.0.1:1"]}]\n`,
    );
    await own.start();
    return own;
  }

  async start() {
    const { folder, port } = this;
    this.process = started(
      "prometheus",
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--storage.tsdb.retention.time=90d",
    );
    await answers(`${this.url}/-/ready`, this.process);
  }

  async stop() {
    await ended(this.process);
  }

  async remove() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A folder with six hours of history up to this moment. */
export function history({ end = Math.floor(Date.now() / 60000) * 60, seconds = 6 * 3600, step = 15 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "look-history-"));
  writeFileSync(join(folder, "samples"), openMetrics({ end, seconds, step }));
  execFileSync(
    "promtool",
    ["tsdb", "create-blocks-from", "openmetrics", join(folder, "samples"), join(folder, "data")],
    { stdio: "ignore" },
  );
  return {
    folder,
    data: join(folder, "data"),
    end,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** `telemetry look` at our boards. */
export async function look(prometheus, ...words) {
  const port = await freePort();
  const process = started(
    join(ROOT, ".venv/bin/python"),
    "-m",
    "telemetry",
    "look",
    "--port",
    String(port),
    "--prometheus",
    prometheus,
    "--dashboards",
    "monitoring/grafana/dashboards",
    "--runbooks",
    "monitoring/runbooks",
    ...words,
  );
  await answers(`http://127.0.0.1:${port}/healthz`, process);
  return { url: `http://127.0.0.1:${port}/`, stop: () => ended(process) };
}
