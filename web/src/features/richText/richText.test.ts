// @vitest-environment jsdom
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { htmlOf, isOfEditor, showsSomething, textOf } from "./richText";

/** By which the API's tests go, too: of what shows nothing, the dashboard knows what is `blank`. */
const CASES: { blank: string[]; something: string[] } = JSON.parse(
  readFileSync(`${import.meta.dirname}/../../../../tests/mail/seen.json`, "utf8"),
);

describe("rich text", () => {
  it("has a plain text that reads as it does", () => {
    const html =
      '<h2>News</h2><p>Dear {{ name | default: "you" }},<br>hello &amp; welcome</p><ul><li><p>one</p></li><li><p>two</p></li></ul><p><a href="https://example.com/x">More</a></p>';
    expect(textOf(html)).toBe(
      'News\n\nDear {{ name | default: "you" }},\nhello & welcome\n\n- one\n- two\n\nMore (https://example.com/x)',
    );
    expect(textOf('<p><img src="/api/files/1" alt="Our office"></p>')).toBe("Our office");
    expect(
      textOf("<p>a</p><table><tbody><tr><th>b</th><td>c<br>d</td></tr><tr><td>e</td></tr></tbody></table>"),
    ).toBe("a\n\nb | c\nd\ne");
    expect(textOf("<ol><li><p>one</p></li><li><p>two</p></li></ol>")).toBe("1. one\n2. two");
  });

  it("is changed in the editor where the editor made it, and as HTML where it would lose something", () => {
    const made =
      '<h2>News</h2><p><a href="https://x.example">{{ name }}</a><img src="/api/files/1" alt=""></p>';
    expect(
      isOfEditor(`${made}<table border="0"><tbody><tr><td colspan="2">x</td></tr></tbody></table>`),
    ).toBe(true);
    for (const other of [
      '<p style="color:red">x</p>',
      "<div>x</div>",
      '<img src="https://x.example/y.png">',
      "<!doctype html><html><body><p>x</p></body></html>",
      "<p>x</p><!-- note -->",
    ])
      expect(isOfEditor(other)).toBe(false);
  });

  it("begins as the plain text did", () => {
    expect(htmlOf("a < b\nc\n\nd")).toBe("<p>a &lt; b<br>c</p><p>d</p>");
    expect(htmlOf(" \n")).toBe("");
    expect(textOf(htmlOf("a < b\nc\n\nd"))).toBe("a < b\nc\n\nd");
  });

  it.each(CASES.blank)("shows nothing: %j", (html) => {
    expect(showsSomething(html)).toBe(false);
  });

  it.each(CASES.something)("is refused by nobody but the API, which takes it: %j", (html) => {
    expect(showsSomething(html)).toBe(true);
  });

  it("is looked at in one pass", () => {
    const began = performance.now();
    for (const flood of ["<p ", "<a =", "<p>", "&nbsp", " ", "<"]) showsSomething(flood.repeat(50_000));
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
