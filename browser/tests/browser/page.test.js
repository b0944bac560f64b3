// The page in a real browser, before a real Prometheus. One process, as starting both takes longest. ONLY=numbers for a part.

import { after, before, describe } from "node:test";
import { world } from "../support/stack.js";
import { behaviour } from "./behaviour.js";
import { boards } from "./boards.js";
import { numbers } from "./numbers.js";

const PARTS = { boards, numbers, behaviour };

describe("the page", () => {
  /** @type {any} */
  const around = {};
  before(async () => Object.assign(around, await world()));
  after(() => around.close?.());
  for (const [name, part] of Object.entries(PARTS)) {
    if ((process.env.ONLY ?? name) === name) describe(name, () => part(around));
  }
});
