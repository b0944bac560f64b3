// The page in a real browser, before a real Prometheus. One process, as starting both takes longest.

import { after, before, describe } from "node:test";
import { world } from "../support/stack.js";
import { behaviour } from "./behaviour.js";
import { boards } from "./boards.js";
import { numbers } from "./numbers.js";

describe("the page", () => {
  /** @type {any} */
  const around = {};
  before(async () => Object.assign(around, await world()));
  after(() => around.close?.());
  describe("boards", () => boards(around));
  describe("numbers", () => numbers(around));
  describe("behaviour", () => behaviour(around));
});
