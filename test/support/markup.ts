/** A strict reader of the HTML and SVG that this project writes. */
import * as assert from "uvu/assert";

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Text, entities as they stand, and elements in it. */
  readonly parts: (string | Element)[];
  readonly children: Element[];
  readonly parent?: Element;
}

const voids = ["meta", "img", "br", "hr", "link", "input"];
const raw = ["style", "script"];

/**
 * Reads a document; fails where tags are not balanced, an attribute stands twice or is not quoted, an
 * ampersand is no entity, or a `<` begins no tag.
 */
export function parseMarkup(source: string): Element {
  const root: Element = { name: "#root", attributes: {}, parts: [], children: [] };
  let open = root;
  let at = source.startsWith("<!doctype html>") ? "<!doctype html>".length : 0;
  while (at < source.length) {
    const next = source.indexOf("<", at);
    const text = source.slice(at, next < 0 ? undefined : next);
    checkText(text);
    open.parts.push(text);
    if (next < 0) break;
    const tag = /^<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/.exec(
      source.slice(next),
    );
    assert.ok(tag, `no tag: ${source.slice(next, next + 80)}`);
    at = next + tag[0].length;
    const name = tag[2]!;
    if (tag[1] === "/") {
      assert.is(name, open.name, `</${name}> closes <${open.name}>`);
      open = open.parent!;
      continue;
    }
    const element = {
      name,
      attributes: attributesOf(tag[3]!),
      parts: [],
      children: [],
      parent: open,
    };
    open.children.push(element);
    open.parts.push(element);
    if (tag[4] === "/" || voids.includes(name)) continue;
    open = element;
    if (raw.includes(name)) {
      const end = source.indexOf(`</${name}>`, at);
      open.parts.push(source.slice(at, end));
      at = end;
    }
  }
  assert.is(open, root, `<${open.name}> is not closed`);
  return root;
}

/** All elements of that name, in order; `*` is all. */
export function all(root: Element, name: string): Element[] {
  return root.children.flatMap((child) => [
    ...(name === "*" || child.name === name ? [child] : []),
    ...all(child, name),
  ]);
}

/** All text in an element. */
export function textIn(element: Element): string {
  return element.parts.map((part) => (typeof part === "string" ? part : textIn(part))).join("");
}

/** What a page must have so that everybody can read it. */
export function checkAccessible(root: Element): void {
  const elements = all(root, "*");
  const ids = elements.flatMap(({ attributes }) => attributes.id ?? []);
  assert.is(new Set(ids).size, ids.length, `ids are not unique: ${ids}`);
  for (const { name, attributes } of elements) {
    for (const id of (attributes["aria-labelledby"] ?? "").split(" ").filter(Boolean))
      assert.ok(ids.includes(id), `${name} is labelled by ${id}, which is not there`);
    const target = attributes.href;
    if (target !== undefined) assert.ok(ids.includes(target.slice(1)), `link to ${target}`);
    if (name === "img")
      assert.ok((attributes.alt ?? "").length > 20, "an image says what one sees");
    if (name === "svg" && attributes.role === "img")
      assert.ok(attributes["aria-labelledby"], "a drawing has a name");
    if (name === "th") assert.match(attributes.scope ?? "", /^(col|row)$/);
  }
  for (const table of all(root, "table")) assert.is(table.children[0]?.name, "caption");
  const levels = elements.flatMap(({ name }) => (/^h\d$/.test(name) ? [Number(name[1])] : []));
  for (const [i, level] of levels.entries())
    assert.ok(level <= (levels[i - 1] ?? 0) + 1, `heading ${level} after ${levels[i - 1]}`);
}

/** Addresses that the document would fetch: of images, style sheets and anything else. */
export function addresses(root: Element): string[] {
  return all(root, "*").flatMap((element) => {
    const { name, attributes } = element;
    const named = ["src", "href", "xlink:href", "srcset", "action", "data", "poster"].flatMap(
      (attribute) => attributes[attribute] ?? [],
    );
    const styled = [name === "style" ? textIn(element) : "", attributes.style ?? ""].flatMap(
      (css) => [...css.matchAll(/url\(|@import/g)].map(([match]) => match),
    );
    return [...named, ...styled];
  });
}

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/([\w:-]+)="([^"]*)"/g)) {
    assert.not.ok(Object.hasOwn(found, name!), `${name} stands twice`);
    checkText(value!);
    found[name!] = value!;
  }
  return found;
}

function checkText(text: string): void {
  const stray = text.replace(/&(amp|lt|gt|quot|#39);/g, "").match(/[&<>].{0,40}/);
  assert.is(stray?.[0], undefined, "a character that should be an entity");
}
