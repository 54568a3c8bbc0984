import { expect, it } from "vitest";
import { linkTarget } from "./links";

it.each([
  ["www.example.com/offer", "https://www.example.com/offer"],
  [" example.com ", "https://example.com"],
  ["//example.com", "https://example.com"],
  ["http:/example.com", "https://example.com"],
  ["example.com/{{ name }}", "https://example.com/{{ name }}"],
  ["http://example.com", "http://example.com"],
  ["HTTPS://example.com", "HTTPS://example.com"],
  ["mailto:ann@example.com", "mailto:ann@example.com"],
  ["ann@example.com", "mailto:ann@example.com"],
  ["tel:+4930", "tel:+4930"],
  ["#top", "#top"],
  ["{{ url }}", "{{ url }}"],
  ["{% if a %}https://a.example{% endif %}", "{% if a %}https://a.example{% endif %}"],
  ["", ""],
])("%s leads to %s", (typed, target) => expect(linkTarget(typed)).toBe(target));
