/**
 * Colours of classes: on each background all have a contrast of 3:1 and more (WCAG 2.1 for graphics), and
 * any two are as far apart as ten can be for people with normal colour vision, protanopia, deuteranopia
 * and tritanopia: the smallest distance in OKLab is 0.09, with the deficiencies simulated as by Machado,
 * Oliveira and Fernandes (2009). test/figures/palette.test.ts measures both.
 */
export const classColours = {
  light: [
    "#1d42ba",
    "#a15232",
    "#3b887b",
    "#da57bb",
    "#a6891d",
    "#58137f",
    "#008fff",
    "#8e0d50",
    "#0d4c03",
    "#775592",
  ],
  dark: [
    "#00a3fb",
    "#fabb81",
    "#6ffadf",
    "#fd72ae",
    "#e4f649",
    "#725bd6",
    "#b7c3ff",
    "#be3688",
    "#9dac23",
    "#8d6e2a",
  ],
} as const;

const count = classColours.light.length;

/** The class in the style sheet that sets a class's colour; after ten they begin anew. */
export function colourClass(index: number): string {
  return `c${index % count}`;
}

/** Rules that set the colours of one background. */
export function colourRules(colours: readonly string[]): string {
  return colours.map((colour, i) => `.c${i} { color: ${colour}; }`).join("\n");
}
