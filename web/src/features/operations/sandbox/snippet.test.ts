import { expect, it } from "vitest";
import { snippet } from "./snippet";

it("is the text in one line, cut where it is long", () => {
  expect(snippet({ text: "Hello Anna,\n\n  you asked.\n", html: "<p>Other</p>" })).toBe(
    "Hello Anna, you asked.",
  );
  expect(snippet({ text: "x".repeat(200), html: null })).toHaveLength(141);
});

it("is what one sees of the HTML where there is no text", () => {
  const html = "<style>p{}</style><p>Hello &amp;\n<b>welcome</b></p><script>alert(1)</script>";
  expect(snippet({ text: null, html })).toBe("Hello & welcome");
  expect(snippet({ text: " ", html: null })).toBe("");
});
