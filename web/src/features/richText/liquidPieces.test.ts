// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { withoutPieces, withPieces } from "./liquidPieces";

const piece = (text: string) => `<span data-liquid="">${text}</span>`;

describe("tags of Liquid", () => {
  it("are pieces in the editor and text in what is sent", () => {
    const html = '<p>Dear {{ name | default: "you" }}, {% if a &gt; 5 %}<strong>x</strong>{% endif %}</p>';
    expect(withPieces(html)).toBe(
      `<p>Dear ${piece('{{ name | default: "you" }}')}, ${piece("{% if a &gt; 5 %}")}<strong>x</strong>${piece("{% endif %}")}</p>`,
    );
    expect(withoutPieces(withPieces(html))).toBe(html);
    expect(withPieces(withPieces(html))).toBe(withPieces(html));
  });

  it("stay as they are in targets of links", () => {
    const html = '<p><a href="https://x.example/{{ id }}">go</a></p>';
    expect(withPieces(html)).toBe(html);
  });

  it.each([
    ["<p>{{ <b>name</b> }}!</p>", `<p>${piece("{{ name }}")}<b></b>!</p>`],
    ["<p><b>{{ na</b>me }}</p>", `<p><b>${piece("{{ name }}")}</b></p>`],
    ["<p>{{ first<i>_na</i>me }} x</p>", `<p>${piece("{{ first_name }}")}<i></i> x</p>`],
    ["<p>{{&nbsp;name&nbsp;}}</p>", `<p>${piece("{{ name }}")}</p>`],
  ])("are joined where formatting tore them apart: %s", (torn, whole) => {
    expect(withPieces(torn)).toBe(whole);
  });

  it("are left alone where they do not end", () => {
    expect(withPieces("<p>{{ name</p><p>x }}</p>")).toBe("<p>{{ name</p><p>x }}</p>");
  });
});
