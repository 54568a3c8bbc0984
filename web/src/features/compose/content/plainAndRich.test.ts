// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { type Content, EMPTY } from "../draft/draft";
import { withBody, withHtml, withKind, withTextOfHtml } from "./plainAndRich";

const PLAIN: Content = { ...EMPTY.steps[0].content, body: "Hello" };
const changed = (content: Content, part: Partial<Content>): Content => ({ ...content, ...part });
const RICH = changed(PLAIN, withKind(PLAIN, true));

describe("plain and rich text", () => {
  it("follow each other", () => {
    expect(RICH.html).toBe("<p>Hello</p>");
    expect(changed(RICH, withHtml(RICH, "<p>Bye</p>")).body).toBe("Bye");
  });

  it("never say what an earlier text said", () => {
    const back = changed(RICH, withKind(RICH, false));
    const anew = changed(back, withBody(back, "New"));
    expect(changed(anew, withKind(anew, true)).html).toBe("<p>New</p>");
  });

  it("keep formatting when nothing was changed in between", () => {
    const bold = changed(RICH, withHtml(RICH, "<p><strong>Hello</strong></p>"));
    const back = changed(bold, withKind(bold, false));
    expect(changed(back, withKind(back, true)).html).toBe(bold.html);
  });

  it("part where the plain one was written by hand, until it follows again", () => {
    const byHand = changed(RICH, withBody(RICH, "In short"));
    const longer = changed(byHand, withHtml(byHand, "<p>At length</p>"));
    expect(longer.body).toBe("In short");
    expect(changed(longer, withTextOfHtml(longer))).toMatchObject({ body: "At length", textEdited: false });
  });
});
