/** Colours by the names that boards use, for a light and a dark page: each readable as text on a panel. */

/** @typedef {"light" | "dark"} Theme */

/**
 * Hue, saturation and lightness on a light page and on a dark one.
 * @type {Record<string, Record<Theme, [number, number, number]>>}
 */
const HUES = {
  green: { light: [150, 62, 27], dark: [148, 42, 58] },
  red: { light: [4, 66, 45], dark: [4, 78, 69] },
  orange: { light: [24, 92, 35], dark: [28, 85, 62] },
  yellow: { light: [42, 95, 28], dark: [46, 75, 60] },
  blue: { light: [213, 68, 44], dark: [212, 78, 69] },
  purple: { light: [268, 45, 48], dark: [268, 60, 76] },
  teal: { light: [188, 75, 27], dark: [182, 45, 56] },
  pink: { light: [330, 55, 43], dark: [330, 60, 73] },
  brown: { light: [22, 35, 36], dark: [24, 35, 64] },
  gray: { light: [215, 10, 40], dark: [215, 12, 68] },
};
const PALETTE = ["blue", "orange", "green", "purple", "teal", "yellow", "pink", "brown", "red", "gray"];
const SHADES = { "super-light": 18, light: 9, "semi-dark": -6, dark: -12 };
const PLAIN = /^(#[0-9a-f]{3,8}|(rgb|hsl)a?\([\d\s.,%/]+\))$/i;

/**
 * @param {string} name `red`, `semi-dark-red`, `#f00`; null for what is no colour
 * @param {Theme} theme
 * @returns {string | null}
 */
export function named(name, theme) {
  if (PLAIN.test(name)) return name;
  if (name === "text") return theme === "light" ? "hsl(215 20% 20%)" : "hsl(215 15% 85%)";
  if (name === "transparent") return "transparent";
  const [, shade, hue] = /^(?:(super-light|light|semi-dark|dark)-)?(\w+)$/.exec(name) ?? [];
  if (!Object.hasOwn(HUES, hue ?? "")) return null;
  const [h, s, l] = HUES[hue][theme];
  const lighter = SHADES[/** @type {"light"} */ (shade)] ?? 0;
  return `hsl(${h} ${s}% ${Math.min(92, Math.max(15, l + lighter))}%)`;
}

/** The colour of the series in this place. @param {number} place @param {Theme} theme */
export const ofPalette = (place, theme) =>
  /** @type {string} */ (named(PALETTE[place % PALETTE.length], theme));

/** @param {string} color @param {number} share from 0 to 1 */
export const faded = (color, share) =>
  `color-mix(in srgb, ${color} ${Math.round(share * 100)}%, transparent)`;

/**
 * The colour of a series: fixed by the board, by the value that it reached, or its place in the palette.
 * @param {import("./fields.js").Config} config
 * @param {number} place
 * @param {Theme} theme
 * @param {string | null} [reached]
 */
export function ofSeries({ color }, place, theme, reached) {
  const fixed =
    color?.mode === "fixed" || color?.mode === "shades" ? named(color.fixedColor ?? "", theme) : null;
  const byValue = color?.mode === "thresholds" && reached ? named(reached, theme) : null;
  return fixed ?? byValue ?? ofPalette(place, theme);
}
