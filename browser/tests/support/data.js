// Samples of every series that the boards read, as OpenMetrics for promtool: deterministic but for the moment

import { kindLines } from "./kinds.js";
// they end at.

const CATEGORIES = ["전자제품", "의류", "식품"];
const PROVIDERS = ["gemini", "openai", "claude"];
const STAGES = [
  "product_selection",
  "review_collection",
  "dialogue_start",
  "dialogue_active",
  "dialogue_complete",
];
const ENDPOINTS = [
  "/api/dialogue/start",
  "/api/dialogue/answer",
  "/api/products/{product_id}/reviews",
  "/health",
];
const DURATIONS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A generator of numbers from 0 to 1, the same at each run. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const product = (lists) =>
  Object.entries(lists).reduce(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  );

/** name -> label sets and the rise in a second. */
const COUNTERS = {
  http_requests_total: [{ endpoint: ENDPOINTS, method: ["GET"], status_code: ["200", "404", "500"] }, 2],
  dialogue_sessions_total: [{ category: CATEGORIES }, 0.05],
  dialogue_turns_total: [{ category: CATEGORIES }, 0.2],
  dialogue_completions_total: [{ category: CATEGORIES }, 0.04],
  llm_calls_total: [{ provider: [...PROVIDERS, "template"], status: ["success", "error", "fallback"] }, 0.1],
  llm_tokens_total: [{ provider: PROVIDERS, type: ["prompt", "completion"] }, 30],
  llm_tokens_estimated_total: [{ provider: PROVIDERS, type: ["prompt"] }, 1],
  llm_streams_aborted_total: [{ provider: PROVIDERS }, 0.002],
  product_analysis_total: [{ category: CATEGORIES }, 0.05],
  reviews_processed_total: [{ category: CATEGORIES }, 3],
  factors_matched_total: [{ category: CATEGORIES }, 0.4],
  user_journey_stage_total: [{ stage: STAGES, action: ["enter", "complete"], category: CATEGORIES }, 0.03],
  session_abandoned_total: [{ stage: STAGES.slice(2, 4), reason: ["timeout", "browser_close"] }, 0.004],
  errors_total: [{ component: ["api", "llm"], error_type: ["timeout", "rate_limit"] }, 0.002],
  http_streams_aborted_total: [{ endpoint: ENDPOINTS.slice(1, 2) }, 0.003],
  ingest_rows_total: [{ kind: ["factors", "reviews"], result: ["taken", "skipped", "duplicate"] }, 1],
  ingest_bytes_total: [{}, 4000],
};
/** name -> label sets, samples in a second, and the median. */
const HISTOGRAMS = {
  http_request_duration_seconds: [{ endpoint: ENDPOINTS }, 2, 0.2],
  http_first_byte_seconds: [{ endpoint: ENDPOINTS.slice(1, 2) }, 0.5, 0.1],
  llm_duration_seconds: [{ provider: PROVIDERS }, 0.1, 1.4],
  llm_first_byte_seconds: [{ provider: PROVIDERS }, 0.1, 0.3],
  retrieval_duration_seconds: [{ category: CATEGORIES }, 0.2, 0.06],
  scoring_duration_seconds: [{ category: CATEGORIES }, 0.2, 0.03],
  evidence_count: [{ category: CATEGORIES }, 0.2, 4],
  ingest_duration_seconds: [{}, 0.01, 2],
};
/** name -> label sets, and the middle that it sways about. */
const GAUGES = {
  up: [{ job: ["reviewlens-api", "otel-collector"] }, 1],
  scrape_duration_seconds: [{ job: ["reviewlens-api", "otel-collector"] }, 0.012],
  scrape_samples_scraped: [{ job: ["reviewlens-api", "otel-collector"] }, 840],
  prometheus_tsdb_head_series: [{ job: ["prometheus"] }, 5200],
  active_evidence_gauge: [{ category: CATEGORIES, session_id: ["a", "b"] }, 6],
  "service:http_requests:rate5m": [{}, 8],
  "service:http_requests_served:rate5m": [{}, 7.95],
  "service:http_request_duration_seconds_count:rate5m": [{}, 8],
  "service:http_request_duration_seconds_within_5s:rate5m": [{}, 7.9],
  "service:llm_calls:rate5m": [{}, 1],
  "service:llm_calls_answered:rate5m": [{}, 0.97],
  "service:llm_answers:rate5m": [{}, 1],
  "service:llm_answers_by_provider:rate5m": [{}, 0.93],
  "service:retrieval_duration_seconds_count:rate5m": [{}, 0.6],
  "service:retrieval_duration_seconds_within_1s:rate5m": [{}, 0.59],
  "service:dialogue_sessions:rate5m": [{}, 0.15],
  "service:dialogue_completions:rate5m": [{}, 0.12],
  "service:http_request_errors:ratio_rate5m": [{}, 0.012],
  "service:http_request_duration_seconds:p99_rate5m": [{}, 1.9],
  "provider:llm_call_errors:ratio_rate5m": [{ provider: PROVIDERS }, 0.04],
  "service:llm_template_answers:ratio_rate5m": [{}, 0.02],
  "category:retrieval_duration_seconds:p95_rate5m": [{ category: CATEGORIES }, 0.18],
};

const labelled = (name, labels) => {
  const inside = Object.entries(labels)
    .map(([key, value]) => `${key}="${value}"`)
    .join(",");
  return inside ? `${name}{${inside}}` : name;
};

/**
 * The samples of `seconds` up to `end` (Unix seconds), one each `step`. Counters fall to 0 once, in the
 * middle.
 */
export function openMetrics({ end, seconds, step }) {
  const times = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, at) => end - seconds + at * step);
  const middle = times[Math.floor(times.length / 2)];
  return [
    ...counters(times, middle, step),
    ...histograms(times, middle, step),
    ...gauges(times),
    ...alerts(times),
    ...kindLines({ end }),
    "# EOF",
    "",
  ].join("\n");
}

function* rising(times, middle, step, rate, next) {
  let total = 0;
  for (const time of times) {
    if (time === middle) total = 0;
    total += Math.max(0, rate * step * (0.6 + 0.5 * Math.sin(time / 3000) + 0.4 * next()));
    yield [time, total];
  }
}

function* counters(times, middle, step) {
  const next = random(1);
  for (const [name, [lists, rate]] of Object.entries(COUNTERS)) {
    yield `# TYPE ${name.replace(/_total$/, "")} counter`;
    for (const labels of product({ ...lists, job: ["reviewlens-api"] })) {
      const rare = /error|404|fallback|skipped/.test(Object.values(labels).join())
        ? 0.05
        : labels.status_code === "500"
          ? 0.01
          : 1;
      for (const [time, total] of rising(times, middle, step, rate * rare, next))
        yield `${labelled(name, labels)} ${Math.round(total)} ${time}`;
    }
  }
}

function* histograms(times, middle, step) {
  const next = random(2);
  for (const [name, [lists, rate, median]] of Object.entries(HISTOGRAMS)) {
    yield `# TYPE ${name} histogram`;
    for (const labels of product({ ...lists, job: ["reviewlens-api"] })) {
      const rows = [...rising(times, middle, step, rate, next)].map(([time, total]) => [
        time,
        Math.round(total),
      ]);
      const share = (bound) => 1 / (1 + (median / bound) ** 3);
      for (const bound of DURATIONS)
        for (const [time, total] of rows)
          yield `${labelled(`${name}_bucket`, { ...labels, le: String(bound) })} ${Math.round(total * share(bound))} ${time}`;
      for (const [suffix, of, more] of [
        ["_bucket", 1, { le: "+Inf" }],
        ["_count", 1, {}],
        ["_sum", median * 1.3, {}],
      ]) {
        for (const [time, total] of rows)
          yield `${labelled(name + suffix, { ...labels, ...more })} ${total * of} ${time}`;
      }
    }
  }
}

function* gauges(times) {
  const next = random(3);
  for (const [name, [lists, around]] of Object.entries(GAUGES)) {
    yield `# TYPE ${name} gauge`;
    for (const labels of product(lists)) {
      for (const time of times)
        yield `${labelled(name, labels)} ${name === "up" ? 1 : around * (1 - 0.01 * next() + (around > 0.9 ? 0 : 0.2 * Math.sin(time / 4000)))} ${time}`;
    }
  }
}

function* alerts(times) {
  yield "# TYPE ALERTS gauge";
  const row = (alertname, severity, alertstate, from, to) =>
    times
      .slice(times.length * from, times.length * to)
      .map((time) => `${labelled("ALERTS", { alertname, severity, area: "api", alertstate })} 1 ${time}`);
  yield* row("HighLatency", "warning", "firing", 0.3, 0.45);
  yield* row("HighErrorRate", "critical", "firing", 0.8, 1);
  yield* row("SlowRetrieval", "warning", "pending", 0.9, 1);
}
