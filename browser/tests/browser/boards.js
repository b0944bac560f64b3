// Each of our boards: three widths, both themes, both languages, with data and without.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { opened, ourBoards, picture, visit } from "../support/stack.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [1400, 900, 390];
/** Panels of which our history has no series, so that they are empty here. */
const EMPTY = new Set(["알림과 규칙의 실패", "근거가 없는 검색"]);

export const states = (page) =>
  page.$$eval("[data-panel]", (panels) =>
    panels.map((panel) => ({
      title: panel.querySelector("h3").textContent,
      state: panel.dataset.state,
      text: panel.querySelector(".panel-body").textContent.slice(0, 120),
    })),
  );

/** The last hour of the history. */
export const lastHour = ({ past: { end } }) => `from=${(end - 3600) * 1000}&to=${end * 1000}`;

/** What axe finds that is serious. */
export async function serious(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary.slice(0, 300)}`)
          .join(" | ")}`,
    );
}

/** Titles that are cut, panels that reach out of the page, numbers that reach out of their panel. */
const cut = (page) =>
  page.evaluate(() => {
    const found = [];
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
      found.push(`the page is ${document.documentElement.scrollWidth} px wide`);
    for (const title of document.querySelectorAll(".panel h3"))
      if (title.scrollHeight > title.clientHeight + 2) found.push(`title: ${title.textContent}`);
    for (const big of document.querySelectorAll(".big"))
      if (big.scrollWidth > big.parentElement.clientWidth + 1) found.push(`number: ${big.textContent}`);
    for (const plot of document.querySelectorAll(".graph"))
      if (plot.clientHeight < 60)
        found.push(
          `low graph (${plot.clientHeight} px): ${plot.closest("[data-panel]").querySelector("h3").textContent}`,
        );
    return found;
  });

export function boards(around) {
  for (const uid of ourBoards()) {
    for (const theme of ["light", "dark"]) {
      for (const lang of ["ko", "en"]) {
        test(`${uid} is drawn whole, ${theme}, ${lang}, at every width`, async () => {
          const { page, faults, close } = await opened(around.browser, { width: WIDTHS[0] });
          await visit(
            page,
            `${around.shown.url}?board=${uid}&theme=${theme}&lang=${lang}&print=1&refresh=&${lastHour(around)}`,
          );
          const panels = await states(page);
          assert.ok(panels.length > 15);
          assert.deepEqual(
            panels.filter(({ state, title }) => state !== (EMPTY.has(title) ? "no-data" : "drawn")),
            [],
          );
          for (const width of WIDTHS) {
            await page.setViewportSize({ width, height: 900 });
            await page.waitForTimeout(250);
            assert.deepEqual(await cut(page), [], `${width} px`);
            await picture(page, `${uid}-${theme}-${lang}-${width}`);
          }
          assert.deepEqual(faults, []);
          await close();
        });
      }
      test(`axe finds nothing serious in ${uid}, ${theme}`, async () => {
        const { page, close } = await opened(around.browser);
        await visit(
          page,
          `${around.shown.url}?board=${uid}&theme=${theme}&lang=ko&refresh=&${lastHour(around)}`,
        );
        assert.deepEqual(await serious(page), []);
        await close();
      });
    }
    test(`${uid} over an empty Prometheus says so in each panel`, async () => {
      const { page, faults, close } = await opened(around.browser);
      await visit(page, `${around.bare.url}?board=${uid}&theme=light&lang=en&print=1&refresh=`);
      const panels = await states(page);
      assert.deepEqual(
        panels.filter(({ state }) => !["no-data", "drawn"].includes(state)),
        [],
      );
      assert.ok(
        panels.filter(({ state, text }) => state === "no-data" && text === "No data").length >
          panels.length / 2,
      );
      assert.deepEqual(faults, []);
      await close();
    });
  }
}
