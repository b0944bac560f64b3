// What a reader does with the page, and what the page does when Prometheus fails.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { freePort, look, opened, Prometheus, ready, ROOT, visit } from "../support/stack.js";
import { lastHour, serious, states } from "./boards.js";

const BOARD = "reviewlens_dashboard";
const panel = (page, title) =>
  page.locator(`[data-panel]`, { has: page.locator("h3", { hasText: title }) }).first();

/** A browser reports every refused question itself; the hostile board asks two that Prometheus refuses. */
const own = (faults) => faults.filter((fault) => !fault.includes("status of 400"));

/** A test with a page at a board, which must stay free of faults. */
function at(around, name, query, body) {
  test(name, async () => {
    const { page, faults, close } = await opened(around.browser);
    await visit(
      page,
      `${around.shown.url}?theme=light&lang=en&refresh=&${typeof query === "string" ? query : query()}`,
    );
    await body(page, faults);
    assert.deepEqual(own(faults), []);
    await close();
  });
}

export function behaviour(around) {
  at(around, "a drag over a graph zooms, and the way back leads back", `board=${BOARD}`, async (page) => {
    const box = await page.locator(".u-over").first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 30, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/from=\d+&to=\d+/);
    const given = new URL(page.url()).searchParams;
    const length = Number(given.get("to")) - Number(given.get("from"));
    assert.ok(Math.abs(length / 3600000 - 0.3) < 0.05, String(length));
    await ready(page);
    await page.goBack();
    assert.equal(new URL(page.url()).searchParams.get("from"), null);
    await ready(page);
    await page.goForward();
    await page.getByRole("button", { name: "Zoom out" }).click();
    await page.waitForFunction(
      (before) => new URL(location.href).searchParams.get("from") !== before,
      given.get("from"),
    );
    const wider = new URL(page.url()).searchParams;
    assert.ok(Math.abs((Number(wider.get("to")) - Number(wider.get("from"))) / length - 2) < 0.01);
  });

  at(around, "a legend's name shows its series alone, and all again", `board=${BOARD}`, async (page) => {
    const pressed = () =>
      panel(page, "Request rate by status")
        .locator(".series-name")
        .evaluateAll((names) => names.map((name) => name.getAttribute("aria-pressed")));
    const name = panel(page, "Request rate by status").locator(".series-name").nth(1);
    await name.click();
    assert.deepEqual(await pressed(), ["false", "true", "false"]);
    await name.click();
    assert.deepEqual(await pressed(), ["true", "true", "true"]);
    await name.click({ modifiers: ["Shift"] });
    assert.deepEqual(await pressed(), ["true", "false", "true"]);
  });

  at(around, "pointer and arrow keys read the values at a moment", `board=${BOARD}`, async (page) => {
    const graph = panel(page, "Request rate by status");
    const box = await graph.locator(".u-over").boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.move(box.x + box.width / 2 + 5, box.y + box.height / 2);
    assert.match(
      await graph.locator(".tip").innerText(),
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s+500\s+[\d.]+ req\/s[^]*\s200\s+[\d.]+ req\/s$/,
    );
    await page.mouse.move(5, 5);
    await graph.locator(".plot").focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    assert.match(await graph.locator("[aria-live]").textContent(), /: 500 [\d.]+ req\/s, 404 .*, 200 /);
  });

  at(
    around,
    "chosen values of a variable stand in the address and in the queries",
    "board=hostile",
    async (page) => {
      await page.locator(".variable summary").click();
      await page.getByRole("checkbox", { name: "zero", exact: true }).check();
      await page.locator(".variable summary").click();
      await page.waitForURL(/var-kind=normal&var-kind=zero/);
      await ready(page);
      assert.equal(
        await panel(page, "Partial").locator(".menu pre").first().textContent(),
        'A  look_kind{kind=~"(normal|zero)"}',
      );
      assert.deepEqual(await page.locator(".variable select option").allTextContents(), ["normal", "zero"]);
      await page.getByRole("textbox", { name: "text" }).fill("words");
      await page.keyboard.press("Enter");
      await page.waitForURL(/var-text=words/);
      await ready(page);
      assert.equal(await page.locator("h3").first().textContent(), "words <img src=x onerror=alert(1)>");
    },
  );

  at(around, "texts and links of a board are data", "board=hostile&print=1", async (page) => {
    assert.equal(await page.locator("article script, article img").count(), 0);
    const addresses = await page.locator("article a").evaluateAll((links) => links.map((link) => link.href));
    assert.ok(addresses.includes("https://example.org/?k=normal"));
    assert.deepEqual(
      addresses.filter((address) => !/^https?:/.test(address)),
      [],
    );
  });

  at(around, "what is partial, failed, or not drawn here looks so", "board=hostile&print=1", async (page) => {
    const shown = Object.fromEntries(
      (await states(page)).map(({ title, state, text }) => [title, [state, text]]),
    );
    assert.equal(shown.Partial[0], "partial");
    assert.equal(shown.Failed[0], "failed");
    assert.match(shown.Failed[1], /parse error/);
    assert.deepEqual(shown.Other, ["not-drawn", "Not drawn here: news"]);
    assert.match(shown.Transformed[1], /Not applied here: groupToNestedTable/);
  });

  at(
    around,
    "axe finds nothing serious in the states, the boxes that open, and the other pages",
    "board=hostile",
    async (page) => {
      await page.locator(".menu summary").nth(2).click();
      assert.deepEqual(await serious(page), []);
      for (const view of ["alerts", "targets", "catalogue", "runbook&name=HighLatency"]) {
        await visit(page, `${around.shown.url}?view=${view}&theme=dark&lang=ko`);
        assert.deepEqual(await serious(page), [], view);
      }
    },
  );

  test("exemplars lead to their trace", async () => {
    const { page, faults, close } = await opened(around.browser);
    const time = around.past.end - 1200;
    await page.route("**/api/prometheus/query_exemplars**", (route) =>
      route.fulfill({
        json: {
          status: "success",
          data: [
            {
              seriesLabels: {},
              exemplars: [{ labels: { trace_id: "abc123" }, value: "30", timestamp: time }],
            },
          ],
        },
      }),
    );
    await visit(page, `${around.shown.url}?board=hostile&theme=light&lang=en&refresh=&print=1`);
    assert.deepEqual(await page.locator(".traces a").evaluateAll((links) => links.map(({ href }) => href)), [
      "https://traces.example/abc123",
    ]);
    assert.deepEqual(own(faults), []);
    await close();
  });

  at(around, "a graph can be read as a table", `board=${BOARD}`, async (page) => {
    const graph = panel(page, "Request rate by status");
    await graph.locator("summary").click();
    await graph.getByRole("button", { name: "Show as a table" }).click();
    assert.deepEqual(await graph.locator("thead th").allTextContents(), ["Time", "200", "404", "500"]);
    assert.ok((await graph.locator("tbody tr").count()) > 100);
  });

  at(around, "a row closes and opens", `board=${BOARD}`, async (page) => {
    const button = page.getByRole("button", { name: "Traffic" });
    await button.click();
    assert.equal(await button.getAttribute("aria-expanded"), "false");
    assert.equal(await panel(page, "Request rate by status").isVisible(), false);
    await button.click();
    assert.equal(await panel(page, "Request rate by status").isVisible(), true);
  });

  at(around, "language and theme change in place, and stay", `board=${BOARD}`, async (page) => {
    await page.getByRole("button", { name: "한국어" }).click();
    await ready(page);
    assert.equal(await page.getAttribute("html", "lang"), "ko");
    await page.getByRole("button", { name: "밝게/어둡게" }).click();
    await ready(page);
    assert.equal(await page.getAttribute("html", "data-theme"), "dark");
    await visit(page, `${around.shown.url}?board=${BOARD}&refresh=`);
    assert.deepEqual(
      [await page.getAttribute("html", "lang"), await page.getAttribute("html", "data-theme")],
      ["ko", "dark"],
    );
  });

  at(
    around,
    "alerts come with their runbook, and a board's link to one stays on the page",
    "view=alerts",
    async (page) => {
      assert.deepEqual(await page.locator("h2").allTextContents(), [
        "Firing (1)",
        "Pending (1)",
        "Alert rules",
      ]);
      await page.getByText("Runbook: HighLatency").click();
      await page.getByText("What it means").waitFor();
      await visit(page, `${around.shown.url}?board=${BOARD}&theme=light&lang=en&refresh=&print=1`);
      const links = await panel(page, "Alerts")
        .locator("tbody a")
        .evaluateAll((all) => all.map(({ href }) => href));
      assert.ok(
        links.some(
          (link) =>
            link.startsWith(around.shown.url) &&
            link.includes("view=runbook&") &&
            link.includes("name=HighLatency"),
        ),
        String(links),
      );
    },
  );

  for (const width of [390, 700, 1000]) {
    at(
      around,
      `the toolbar fits into ${width} px`,
      () => `board=reviewlens-production-kr-v2&${lastHour(around)}`,
      async (page) => {
        await page.setViewportSize({ width, height: 800 });
        await page.waitForTimeout(100);
        const out = await page
          .locator(".top *, .bar *")
          .evaluateAll((all) =>
            all
              .filter(
                (one) =>
                  one.checkVisibility() &&
                  !one.closest(".skip, .popover") &&
                  one.getBoundingClientRect().right > innerWidth + 1,
              )
              .map(({ tagName, textContent }) => `${tagName} ${textContent.slice(0, 60)}`),
          );
        assert.deepEqual(out, []);
      },
    );
  }

  at(
    around,
    "a range that is none is refused, one that is goes into the address",
    `board=${BOARD}`,
    async (page) => {
      await page.locator(".range summary").click();
      await page.getByLabel("From").fill("now-2h");
      await page.getByLabel("To").fill("nonsense");
      await page.getByRole("button", { name: "Apply" }).click();
      assert.equal(await page.locator(".range .error").textContent(), "This is no time range");
      await page.getByLabel("To").fill("now-1h");
      await page.getByRole("button", { name: "Apply" }).click();
      await page.waitForURL(/from=now-2h&to=now-1h/);
    },
  );

  at(
    around,
    "a refresh keeps what a reader chose, and leaves nothing behind",
    () => `board=${BOARD}&${lastHour(around)}`,
    async (page) => {
      const status = panel(page, "Request rate by status");
      await status.locator(".series-name").nth(1).click();
      await status.locator(".series-name").nth(1).focus();
      const detail = panel(page, "Request rate in detail");
      await detail.scrollIntoViewIfNeeded();
      await detail.getByRole("button", { name: "Value" }).click();
      await ready(page);
      const before = await page.evaluate(() => document.querySelectorAll("*").length);
      for (let round = 0; round < 3; round++) {
        await page.getByRole("button", { name: "Refresh", exact: true }).dispatchEvent("click");
        await ready(page);
      }
      assert.deepEqual(
        await status
          .locator(".series-name")
          .evaluateAll((names) => names.map((name) => name.getAttribute("aria-pressed"))),
        ["false", "true", "false"],
      );
      assert.equal(await detail.locator('th[aria-sort="ascending"]').textContent(), "Value");
      assert.equal(await page.evaluate(() => document.activeElement.textContent), "Value");
      assert.equal(await page.evaluate(() => document.querySelectorAll("*").length), before);
    },
  );

  test("a snapshot shows the same without a server", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "look-snapshot-")), "boards.html");
    execFileSync(
      join(ROOT, ".venv/bin/python"),
      [
        "-m",
        "telemetry",
        "look",
        "--prometheus",
        around.full.url,
        "--dashboards",
        "monitoring/grafana/dashboards",
        "--snapshot",
        file,
      ],
      { cwd: ROOT },
    );
    const { page, faults, close } = await opened(around.browser);
    await visit(page, `${pathToFileURL(file)}?board=${BOARD}&lang=en&theme=light&print=1`);
    const shown = await states(page);
    assert.ok(shown.filter(({ state }) => state === "drawn").length > 10, JSON.stringify(shown));
    assert.deepEqual(
      shown.filter(({ state }) => state === "failed"),
      [],
    );
    await page.goto(`${pathToFileURL(file)}?view=alerts&lang=en`);
    await page.getByText("Firing (1)").waitFor();
    assert.deepEqual(
      faults.filter((fault) => !fault.startsWith("file:")),
      [],
    );
    await close();
    rmSync(dirname(file), { recursive: true });
  });

  test("Prometheus that goes away is told of, and its numbers come back with it", async () => {
    const prometheus = await new Prometheus(await freePort(), around.past.data).start();
    const shown = await look(prometheus.url);
    const { page, close } = await opened(around.browser);
    await visit(page, `${shown.url}?board=${BOARD}&theme=light&lang=en&refresh=1s`);
    await prometheus.stop();
    await page.locator(".banner:not([hidden])").waitFor({ timeout: 30000 });
    assert.match(await page.locator(".banner").textContent(), /Prometheus does not answer/);
    assert.equal(await panel(page, "Request rate by status").getAttribute("data-state"), "failed");
    await prometheus.start();
    await page.locator(".banner").waitFor({ state: "hidden", timeout: 30000 });
    await page.waitForFunction(() => document.querySelectorAll('[data-state="failed"]').length === 0);
    await close();
    await shown.stop();
    await prometheus.remove();
  });
}
