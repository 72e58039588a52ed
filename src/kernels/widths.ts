/** Elements of a load or store along an axis of this length: whole vectors where it is made of them. */
export const widthFor = (length: number): 1 | 4 => (length % 4 === 0 ? 4 : 1);

export const typeFor = (width: 1 | 4): string => (width === 4 ? "vec4f" : "f32");
