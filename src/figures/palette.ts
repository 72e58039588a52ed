/**
 * Ten colours that people with any kind of colour vision can tell apart, as far as ten can be, on white
 * and on black (Petroff 2021, "Accessible color sequences for data visualization").
 */
export const classColours = [
  "#3f90da",
  "#ffa90e",
  "#bd1f01",
  "#94a4a2",
  "#832db6",
  "#a96b59",
  "#e76300",
  "#b9ac70",
  "#717581",
  "#92dadd",
] as const;

/** The colour of a class; after ten they begin anew. */
export function classColour(index: number): string {
  return classColours[index % classColours.length]!;
}
