import { suite } from "uvu";
import * as assert from "uvu/assert";
import { escapeText, Markup, markup } from "../../src/figures/markup.ts";
import { all, parseMarkup } from "../support/markup.ts";

const test = suite("markup");

test("what is put in is inert in text and in attributes", () => {
  const name = `<script>alert("1")</script> & 'x'`;
  const { text } = markup`<p title="${name}">${name}</p>`;
  const root = parseMarkup(text);
  assert.equal(
    all(root, "*").map((element) => element.name),
    ["p"],
  );
  const safe = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;";
  assert.is(text, `<p title="${safe}">${safe}</p>`);
});

test("lists are joined, markup stands as it is, undefined is nothing", () => {
  const items = ["a", "<"].map((item) => markup`<li>${item}</li>`);
  const { text } = markup`<ul>${items}${undefined}${new Markup("<hr>")}${[1, ["&"]]}</ul>`;
  assert.is(text, "<ul><li>a</li><li>&lt;</li><hr>1&amp;</ul>");
});

test("what XML cannot hold becomes U+FFFD", () => {
  assert.is(escapeText("a\u202eb\u2066c\u200bd\ufeff"), "a\ufffdb\ufffdc\ufffdd\ufffd");
  assert.is(escapeText("a\u0000\u001b[31m\ud800b\uffff"), "a\ufffd\ufffd[31m\ufffdb\ufffd");
  assert.is(escapeText("tab\tline\n😀"), "tab\tline\n😀");
});

test.run();
