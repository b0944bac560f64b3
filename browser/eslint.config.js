import js from "@eslint/js";

const browser = Object.fromEntries(["document", "window", "location", "history", "fetch", "AbortController", "URL", "URLSearchParams", "Element", "HTMLElement",
  "IntersectionObserver", "ResizeObserver", "MutationObserver", "matchMedia", "requestAnimationFrame", "cancelAnimationFrame", "setTimeout", "clearTimeout", "devicePixelRatio",
  "localStorage", "navigator", "getComputedStyle", "Node", "Event", "KeyboardEvent", "DOMException", "HTMLDetailsElement", "queueMicrotask", "performance", "console", "process", "Path2D",
  "HTMLSelectElement", "HTMLInputElement", "addEventListener", "CSS"].map((name) => [name, "readonly"]));

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: browser },
    rules: {
      "eqeqeq": ["error", "always", { null: "ignore" }],
      "no-var": "error",
      "prefer-const": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "max-len": ["error", { code: 180 }],
      "no-control-regex": "off",
      "no-restricted-properties": ["error",
        { property: "innerHTML", message: "Nodes are made by dom.js." },
        { property: "outerHTML", message: "Nodes are made by dom.js." },
        { property: "insertAdjacentHTML", message: "Nodes are made by dom.js." }],
    },
  },
  { files: ["**/*.cjs"], languageOptions: { sourceType: "commonjs", globals: { require: "readonly", module: "writable", globalThis: "readonly" } } },
];
