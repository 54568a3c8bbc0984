import { expect, it } from "vitest";
import { elsewhere } from "./elsewhere";

const at = (url: string) => new URL(url);

it("sends who came over http to the page over https", () => {
  const base = "https://mail.example.com";
  expect(elsewhere(base, at("http://10.0.0.5:3000/login?next=/sent"))).toBe(`${base}/login?next=/sent`);
  expect(elsewhere(base, at("https://mail.example.com/login"))).toBeNull();
  expect(elsewhere(base, at("http://localhost:3000/login"))).toBeNull();
  expect(elsewhere("http://mail.example.com", at("http://10.0.0.5:3000/login"))).toBeNull();
});
