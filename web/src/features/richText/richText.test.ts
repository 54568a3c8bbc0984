import { describe, expect, it } from "vitest";
import { htmlOf, isOfEditor, showsSomething, textOf } from "./richText";

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

  it.each(["", "<p></p>", "<p>&nbsp;\u00a0</p><p><br></p>"])("shows nothing: %s", (html) => {
    expect(showsSomething(html)).toBe(false);
  });

  it.each(["<p>x</p>", '<p><img src="/api/files/1"></p>', "<p>{{ name }}</p>"])(
    "shows something: %s",
    (html) => {
      expect(showsSomething(html)).toBe(true);
    },
  );
});
