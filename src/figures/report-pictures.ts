import { pngFacts } from "../formats/png-facts.ts";
import { type Markup, markup } from "./markup.ts";
import type { PictureFile, ReportData } from "./report-data.ts";
import { bytes as size } from "./text.ts";

/** What each figure of a run is called, and what one sees there. */
const kinds: Readonly<Record<string, { readonly title: string; readonly alt: string }>> = {
  reconstructions: {
    title: "Reconstructions",
    alt: "Pairs of small pictures in rows: each test image, and right below it what the model makes of it.",
  },
  samples: {
    title: "Samples",
    alt: "A square grid of small pictures that the decoder made from random points of the latent space.",
  },
  manifold: {
    title: "Latent plane",
    alt: "Small pictures edge to edge that change gradually from one to the next in both directions, as the two latent dimensions do.",
  },
  traversal: {
    title: "Traversals",
    alt: "Rows of small pictures; within a row a picture changes gradually with one latent dimension.",
  },
  interpolation: {
    title: "Interpolations",
    alt: "Rows of small pictures, each changing gradually from the picture at its left end into the one at its right end.",
  },
};

/** A larger file stays beside the report. */
const LARGEST = 4e6;

/** The run's pictures with captions. */
export function pictures({ pictures }: ReportData): Markup | undefined {
  const order = [...Object.keys(kinds).map((kind) => `${kind}.png`), "latent.svg"];
  const known = pictures
    .filter(({ name }) => order.includes(name))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const shown = known.map((file) => {
    const { name, bytes } = file;
    if (bytes.length > LARGEST)
      return markup`<p class="note">figures/${name} has ${size(bytes.length)}, too many for this page.</p>\n`;
    return name.endsWith(".svg") ? scatter(file) : picture(file);
  });
  return shown.length > 0 ? markup`<div class="pictures">\n${shown}</div>\n` : undefined;
}

function picture({ name, bytes }: PictureFile): Markup {
  const { title, alt } = kinds[name.replace(/\.png$/, "")]!;
  const facts = pngFacts(bytes);
  if (!facts) return markup`<p class="note">figures/${name} is not a PNG file.</p>\n`;
  const { width, height, description = "" } = facts;
  return markup`<figure>
<img src="data:image/png;base64,${base64(bytes)}" width="${width}" height="${height}" alt="${alt}">
<figcaption><strong>${title}.</strong> ${description}</figcaption>
</figure>
`;
}

/** As an image, the file's own style and text stay its own, and nothing in it can act. */
function scatter({ bytes }: PictureFile): Markup {
  const text = new TextDecoder().decode(bytes);
  const inside = (tag: string) =>
    decoded(new RegExp(`<${tag}[^>]*>([^<]*)</${tag}>`).exec(text)?.[1] ?? "").slice(0, 2000);
  const sizes = /<svg[^>]* width="(\d{1,4})" height="(\d{1,4})"/.exec(text);
  const extent = sizes ? markup` width="${sizes[1]}" height="${sizes[2]}"` : undefined;
  const alt =
    "A cloud of points, one for each test image, coloured by class, with the classes’ names at their centres.";
  return markup`<figure>
<img src="data:image/svg+xml;base64,${base64(bytes)}"${extent} alt="${alt}">
<figcaption><strong>Latent codes.</strong> ${inside("title")}. ${inside("desc")}</figcaption>
</figure>
`;
}

/** Text of XML in which the characters are entities that `escapeText` makes. */
function decoded(text: string): string {
  const characters: Readonly<Record<string, string>> = {
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&amp;": "&",
  };
  return text.replace(/&(lt|gt|quot|#39|amp);/g, (entity) => characters[entity]!);
}

function base64(bytes: Uint8Array): string {
  let text = "";
  // A call takes a limited number of arguments.
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
