import { Markup } from "./markup.ts";

/** The report's style: one column of text, light or dark as the reader has it, and for paper. */
export const reportStyle = new Markup(`
:root {
  color-scheme: light dark;
  --paper: #fcfbf8; --raised: #f4f2ec; --ink: #1d1d20; --muted: #5c5952; --rule: #dedad0;
  --link: #1a5fa8; --good: #1e6b3a; --warn: #8a5300; --bad: #b3261e; --shade: #1d1d202e;
  --side: clamp(16px, 4vw, 40px);
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #17181b; --raised: #202227; --ink: #e9e7e2; --muted: #aaa79f; --rule: #383a41;
    --link: #7ab6f5; --good: #7fd19b; --warn: #f0b95e; --bad: #ff8a80; --shade: #00000090;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; overflow-wrap: break-word; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 var(--side); }
header { padding-top: clamp(28px, 6vw, 64px); }
h1 { margin: 0; font-size: clamp(1.7rem, 1.2rem + 2.4vw, 2.5rem); line-height: 1.15; font-weight: 650; letter-spacing: -0.02em; }
h2 { margin: 0 0 0.8rem; font-size: 1.3rem; line-height: 1.3; font-weight: 620; letter-spacing: -0.01em; }
h3 { margin: 1.8rem 0 0.5rem; font-size: 1rem; font-weight: 620; }
p { margin: 0.5rem 0; max-width: 72ch; }
a { color: var(--link); text-underline-offset: 0.2em; }
section { padding: 2.2rem 0 0; scroll-margin-top: 1rem; }
.lead { color: var(--muted); font-size: 1.05rem; margin: 0.7rem 0 0; }
.ending { display: flex; gap: 0.6rem; align-items: baseline; margin: 1.3rem 0 0; padding: 0.7rem 1rem; max-width: none; background: var(--raised); border-left: 4px solid var(--muted); border-radius: 4px; }
.ending strong { white-space: nowrap; }
.ending.good { border-color: var(--good); } .ending.good strong { color: var(--good); }
.ending.warn { border-color: var(--warn); } .ending.warn strong { color: var(--warn); }
.ending.bad { border-color: var(--bad); } .ending.bad strong { color: var(--bad); }
.ending span { min-width: 0; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; margin: 1.3rem 0 0; padding: 0 0 1.1rem; border-bottom: 1px solid var(--rule); list-style: none; font-size: 0.95rem; }
nav a { display: inline-block; padding: 0.2rem 0; text-decoration: none; }
nav a:hover { text-decoration: underline; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 150px), 1fr)); gap: 1px; margin: 0 0 1.6rem; border: 1px solid var(--rule); border-radius: 8px; overflow: hidden; }
.tiles div { display: flex; flex-direction: column; padding: 0.8rem 1rem 0.9rem; box-shadow: 0 0 0 1px var(--rule); }
.tiles dt { color: var(--muted); font-size: 0.86rem; line-height: 1.35; }
.tiles dd { margin: auto 0 0; padding-top: 0.25rem; font-size: 1.55rem; line-height: 1.2; font-weight: 600; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tiles small { display: block; color: var(--muted); font-size: 0.82rem; font-weight: 400; letter-spacing: 0; line-height: 1.4; }
.facts { display: grid; grid-template-columns: minmax(7.5rem, max-content) minmax(0, 1fr); gap: 0.35rem 1.4rem; margin: 0; }
.facts dt { color: var(--muted); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 0 0 1rem; background: linear-gradient(90deg, var(--paper) 40%, transparent) 0 0 / 36px 100% no-repeat local, linear-gradient(270deg, var(--paper) 40%, transparent) 100% 0 / 36px 100% no-repeat local, linear-gradient(90deg, var(--shade), transparent) 0 0 / 12px 100% no-repeat scroll, linear-gradient(270deg, var(--shade), transparent) 100% 0 / 12px 100% no-repeat scroll; }
.scroll:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; min-width: min(100%, 640px); font-size: 0.95rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); font-size: 0.9rem; padding: 0 0 0.6rem; }
caption span { position: sticky; left: 0; display: inline-block; max-width: min(78ch, 100vw - 2 * var(--side)); }
#numbers tbody th { min-width: 9.5rem; white-space: normal; }
th, td { padding: 0.42rem clamp(1rem, 2.4vw, 2rem) 0.42rem 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 500; font-size: 0.88rem; border-bottom-color: var(--muted); vertical-align: bottom; }
tbody th { font-weight: 400; white-space: nowrap; }
td.wide { min-width: 15rem; }
.number { text-align: right; white-space: nowrap; }
tr.strong th, tr.strong td { font-weight: 620; }
tr.changed th, tr.changed th + td { font-weight: 620; }
tr.quiet th, tr.quiet td { color: var(--muted); }
.note { color: var(--muted); font-size: 0.92rem; }
figure { margin: 0; min-width: 0; }
figcaption { margin-top: 0.6rem; color: var(--muted); font-size: 0.92rem; line-height: 1.5; max-width: 78ch; overflow-wrap: anywhere; }
figcaption strong { color: var(--ink); font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; margin: 0 0 0.8rem; padding: 0; list-style: none; font-size: 0.92rem; }
.legend li { display: flex; align-items: center; gap: 0.5rem; }
.legend svg { width: 26px; height: 12px; flex: none; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 1.4rem 1.2rem; }
.panels svg { display: block; width: 100%; max-width: 400px; height: auto; }
.pictures { columns: 2 440px; column-gap: 2rem; }
.pictures figure { break-inside: avoid; padding-bottom: 2rem; }
.pictures img { display: block; max-width: 100%; height: auto; border-radius: 6px; }
details { margin: 0 0 1rem; }
summary { width: fit-content; padding: 0.35rem 0; color: var(--link); cursor: pointer; }
summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
details[open] summary { margin-bottom: 0.8rem; }
pre { margin: 0.6rem 0 1rem; padding: 0.9rem 1rem; background: var(--raised); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
pre span { display: inline-block; max-width: 100%; }
code { font: 0.88em/1.5 ui-monospace, "SFMono-Regular", Consolas, "DejaVu Sans Mono", monospace; }
footer { margin-top: 3rem; padding-top: 1.1rem; padding-bottom: 3rem; color: var(--muted); font-size: 0.9rem; }
footer p { border-top: 1px solid var(--rule); padding-top: 1.1rem; max-width: none; }
@media (max-width: 520px) {
  .facts { grid-template-columns: minmax(0, 7.8rem) minmax(0, 1fr); column-gap: 0.9rem; }
  .ending { flex-direction: column; gap: 0.1rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles div { padding: 0.65rem 0.8rem 0.75rem; }
  .tiles dd { font-size: 1.25rem; }
}
@media print {
  @page { margin: 16mm; }
  :root { color-scheme: light; }
  body { font-size: 10.5pt; background: none; }
  header, main, footer { max-width: none; padding: 0; }
  nav { display: none; }
  .scroll { overflow: visible; background: none; }
  figure, tr, .ending, .tiles { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`);
