// @grafana/data as it is loaded without a browser: the oracle of the unit tests.
globalThis.navigator ??= { language: "en-US", languages: ["en-US"] };
module.exports = require("@grafana/data");
